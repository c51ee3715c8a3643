"""Gathers and scatters."""

from math import prod

import numpy as np
import torch
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import lowers

_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _wrapped(call: Call, slot: int, length: int) -> Tensor:
    """Hand out indices with negative ones counted from the end."""
    known = call.scope.known(call.op.input(slot))
    if known is not None:
        return call.constant(np.where(known < 0, known + length, known).astype(np.int64))
    indices = call[slot].to(torch.int64)
    return torch.where(indices < 0, indices + length, indices)


@lowers("Gather")
def gather(call: Call) -> Tensor:
    """Pick slices along an axis; one index drops it."""
    axis, places = call.axis(0), call.shape(1)
    known = call.scope.known(call.op.input(1))
    if known is not None and known.ndim == 0:
        return call[0].select(axis, int(known))
    picked = call[0].index_select(axis, _wrapped(call, 1, call.shape()[axis]).reshape(-1))
    if not places:
        return picked.squeeze(axis)
    shape = [-1 if number == 0 and axis else length for number, length in enumerate(call.out_shape())]
    return picked if len(places) == 1 else picked.reshape(shape)


@lowers("GatherElements")
def gather_elements(call: Call) -> Tensor:
    """Pick single elements along an axis."""
    axis = call.axis(0)
    return call[0].gather(axis, _wrapped(call, 1, call.shape()[axis]))


@lowers("GatherND")
def gather_nd(call: Call) -> Tensor:
    """Pick by index vectors, batch by batch."""
    batch_axes, source, places = call.op.integer("batch_dims", 0), call.shape(), call.shape(1)
    depth = places[-1]
    batch = prod(source[:batch_axes])
    flat = call[0].reshape(batch * prod(source[batch_axes : batch_axes + depth]), -1)
    rows = _linear(call, 1, source[batch_axes : batch_axes + depth]).reshape(batch, -1)
    offsets = np.arange(batch)[:, None] * prod(source[batch_axes : batch_axes + depth])
    picked = flat.index_select(0, (rows + call.constant(offsets)).reshape(-1))
    return picked.reshape(*places[:-1], *source[batch_axes + depth :])


def _linear(call: Call, slot: int, shape: tuple[int, ...]) -> Tensor:
    """Turn index vectors into places in a flattened block."""
    indices = call[slot].to(torch.int64)
    lengths = call.constant(np.asarray(shape, np.int64))
    steps = call.constant(np.asarray([prod(shape[axis + 1 :]) for axis in range(len(shape))], np.int64))
    return (torch.where(indices < 0, indices + lengths, indices) * steps).sum(-1)


@lowers("ScatterElements", "Scatter")
def scatter_elements(call: Call) -> Tensor:
    """Write single elements along an axis."""
    axis, mode = call.axis(0), call.op.text("reduction", "none")
    indices = _wrapped(call, 1, call.shape()[axis])
    if mode == "none":
        return call[0].scatter(axis, indices, call[2])
    return call[0].scatter_reduce(axis, indices, call[2], _REDUCE[mode], include_self=True)


@lowers("ScatterND")
def scatter_nd(call: Call) -> Tensor:
    """Write slices by index vectors."""
    source, places = call.shape(), call.shape(1)
    depth, mode = places[-1], call.op.text("reduction", "none")
    flat = call[0].reshape(prod(source[:depth]), -1)
    width = prod(source[depth:])
    rows = _linear(call, 1, source[:depth]).reshape(-1, 1).expand(-1, width)
    updates = call[2].reshape(-1, width)
    if mode == "none":
        return flat.scatter(0, rows, updates).reshape(source)
    return flat.scatter_reduce(0, rows, updates, _REDUCE[mode], include_self=True).reshape(source)


@lowers("OneHot")
def one_hot(call: Call) -> Tensor:
    """Write one of two values at each index."""
    depth, rank = call.integers(1), call.rank() + 1
    assert depth is not None
    axis = call.axis(-1) if "axis" not in call.op.attributes else call.op.integer("axis", -1) % rank
    axis = rank - 1 if call.op.integer("axis", -1) == -1 else axis
    numbers = call.constant(np.arange(depth[0]).reshape(-1, *[1] * (rank - 1 - axis)))
    indices = call[0].to(torch.int64)
    indices = torch.where(indices < 0, indices + depth[0], indices)
    return torch.where(indices.unsqueeze(axis) == numbers, call[2][1], call[2][0])


@lowers("ReverseSequence")
def reverse_sequence(call: Call) -> Tensor:
    """Turn the first steps of each sequence around."""
    lengths = call.integers(1)
    assert lengths is not None
    time, batch = call.op.integer("time_axis", 0), call.op.integer("batch_axis", 1)
    steps = np.arange(call.shape()[time])[:, None]
    counts = np.asarray(lengths)[None, :]
    order = np.where(steps < counts, counts - 1 - steps, steps)
    rest = [1] * (call.rank() - 2)
    index = call.constant(
        (order if time == 0 else order.T).reshape(*order.shape if time == 0 else order.T.shape, *rest)
    )
    del batch
    return call[0].gather(time, index.expand(call.shape()))
