"""Reductions over axes, and the places of extremes."""

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import Result, lowers

Axes = tuple[int, ...]


def _sum(x: Tensor, axes: Axes) -> Tensor:
    return x.sum(axes, keepdim=True)


def _length(x: Tensor, axes: Axes) -> Tensor:
    return cast(Tensor, torch.linalg.vector_norm(x, 2, axes, keepdim=True))


def _product(x: Tensor, axes: Axes) -> Tensor:
    for axis in axes:
        x = x.prod(axis, keepdim=True)
    return x


_REDUCTIONS: dict[str, Callable[[Tensor, Axes], Tensor]] = {
    "ReduceL1": lambda x, axes: _sum(x.abs(), axes),
    "ReduceL2": _length,
    "ReduceLogSum": lambda x, axes: _sum(x, axes).log(),
    "ReduceLogSumExp": lambda x, axes: torch.logsumexp(x, axes, keepdim=True),
    "ReduceMax": lambda x, axes: x.amax(axes, keepdim=True),
    "ReduceMean": lambda x, axes: x.mean(axes, keepdim=True),
    "ReduceMin": lambda x, axes: x.amin(axes, keepdim=True),
    "ReduceProd": _product,
    "ReduceSum": _sum,
    "ReduceSumSquare": lambda x, axes: _sum(x.square(), axes),
}
_OF_NOTHING = {"ReduceLogSum": -math.inf, "ReduceLogSumExp": -math.inf, "ReduceProd": 1.0}
"""What a reduction of no elements gives, where it is not 0."""


@lowers(*_REDUCTIONS)
def reduction(call: Call) -> Tensor:
    """Reduce over the axes that an attribute or an input names; over all when none is named."""
    axes = call.op.integers("axes") or call.integers(1) or ()
    if not axes and call.op.integer("noop_with_empty_axes", 0):
        return _elementwise(call)
    rank = call.rank()
    chosen = tuple(sorted({axis % rank for axis in axes})) if axes else tuple(range(rank))
    dropped = () if call.op.integer("keepdims", 1) else chosen
    if 0 in (call.shape()[axis] for axis in chosen):
        return _of_nothing(call)
    if not chosen:
        return _elementwise(call)
    x = call[0]
    if call.op.op_type == "ReduceMean" and not call.dtype().is_floating_point:
        x = x.to(torch.float64)
    made = call.settled(_REDUCTIONS[call.op.op_type](x, chosen))
    return made.squeeze(dropped) if dropped else made


def _elementwise(call: Call) -> Tensor:
    """Reduce over no axis: what remains is the function of one element."""
    name, x = call.op.op_type, call[0]
    if name in ("ReduceL1", "ReduceL2"):
        return x.abs()
    if name == "ReduceLogSum":
        return x.log()
    return x.square() if name == "ReduceSumSquare" else x


def _of_nothing(call: Call) -> Tensor:
    """Reduce an empty tensor."""
    dtype = np.dtype(str(call.dtype()).removeprefix("torch."))
    if dtype.kind == "b":
        value: float = call.op.op_type == "ReduceMin"
    elif call.op.op_type in ("ReduceMax", "ReduceMin"):
        limits = (-math.inf, math.inf) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        value = limits[call.op.op_type == "ReduceMin"]
    else:
        value = _OF_NOTHING.get(call.op.op_type, 0.0)
    return call.constant(np.full(call.out_shape(), value, dtype))


@lowers("ArgMax", "ArgMin")
def extreme(call: Call) -> Tensor:
    """Find the place of the largest or smallest value: the first of equal ones, or the last."""
    axis, x = call.axis(0), call[0]
    find = torch.argmax if call.op.op_type == "ArgMax" else torch.argmin
    keeps = call.op.integer("keepdims", 1) != 0
    if not call.op.integer("select_last_index", 0):
        return find(x, axis, keepdim=keeps)
    return call.shape()[axis] - 1 - find(x.flip(axis), axis, keepdim=keeps)


@lowers("TopK")
def top_k(call: Call) -> Result:
    """Take the k largest or smallest values and their places; equal ones in order of place."""
    count = call.integers(1)
    assert count is not None
    axis, is_largest = call.axis(-1), call.op.integer("largest", 1) != 0
    values, places = torch.sort(call[0], dim=axis, descending=is_largest, stable=True)
    return values.narrow(axis, 0, count[0]), places.narrow(axis, 0, count[0])
