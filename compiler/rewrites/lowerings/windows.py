"""Convolutions in groups, and uneven transposed convolutions, written with dense and even ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.ir import Array, Attribute, Op, Program
from compiler.rewrites.lowerings.chain import COMPUTED, NOT_KNOWN, Chain, shape_of

_MOST_GROUPS = 64


def conv(program: Program, op: Op) -> str | None:
    """Write a convolution in groups as one per group; dense and depthwise ones stay."""
    shape, weight, result = shape_of(program, op), program.const(op.input(1)), program.shape(op.y)
    group = op.integer("group", 1)
    if group == 1:
        return None
    if shape is None or result is None:
        return NOT_KNOWN
    if weight is None or (op.has(2) and program.const(op.input(2)) is None):
        return COMPUTED
    if group == shape[1] and weight.shape[1] == 1:
        return None
    if group > _MOST_GROUPS:
        return f"it has {group} groups"
    _cut(program, op, shape, result, np.split(weight, group))
    return None


def _cut(program: Program, op: Op, shape: tuple[int, ...], result: tuple[int, ...], weights: list[Array]) -> None:
    """Cut the input, work on each part, and join the results."""
    group, chain = len(weights), Chain(program, op)
    bias = program.const(op.input(2)) if op.has(2) else None
    biases = [None] * group if bias is None else np.split(bias, group)
    attributes: dict[str, Attribute] = {key: value for key, value in op.attributes.items() if key != "group"}
    width, made = shape[1] // group, (result[0], result[1] // group, *result[2:])
    parts: list[str] = []
    for index, (weight, own) in enumerate(zip(weights, biases, strict=True)):
        places = [chain.integers([number]) for number in (index * width, (index + 1) * width, 1)]
        part = chain.add("Slice", [op.x, *places], (shape[0], width, *shape[2:]))
        extra = [] if own is None else [chain.numbers(own)]
        parts.append(chain.add(op.op_type, [part, chain.numbers(weight), *extra], made, attributes))
    chain.end("Concat", parts, {"axis": 1})


def conv_transpose(program: Program, op: Op) -> str | None:
    """Write a transposed convolution with a square kernel, one group and the same pad on every side.

    Zeros fill the kernel up; what the result has too much on a side is sliced off.
    """
    shape, weight, result = shape_of(program, op), program.const(op.input(1)), program.shape(op.y)
    if shape is None or result is None:
        return NOT_KNOWN
    if weight is None or (op.has(2) and program.const(op.input(2)) is None):
        return COMPUTED
    if len(shape) != 4 or op.text("auto_pad", "NOTSET") != "NOTSET" or op.integers("output_shape"):
        return None
    if (group := op.integer("group", 1)) > 1:
        if group > _MOST_GROUPS:
            return f"it has {group} groups"
        _cut(program, op, shape, result, np.split(weight, group))
        return None
    plan = _even(op, weight, shape, result)
    if plan is not None:
        _write_even(program, op, plan, result)
    return None


@dataclass(frozen=True)
class _Even:
    """A square kernel, the pad of every side, and the place in its result where ours begins."""

    weight: Array
    pad: int
    offset: tuple[int, int]
    made: tuple[int, int]
    strides: tuple[int, ...]


def _even(op: Op, weight: Array, shape: tuple[int, ...], result: tuple[int, ...]) -> _Even | None:
    """Work out the even form; None for a node that has it."""
    dilations, strides = op.integers("dilations") or (1, 1), op.integers("strides") or (1, 1)
    spans = [(extent - 1) * step + 1 for extent, step in zip(weight.shape[2:], dilations, strict=True)]
    begins = (op.integers("pads") or (0, 0, 0, 0))[:2]
    reach = [(shape[2 + i] - 1) * strides[i] for i in range(2)]
    size = max(*spans, *(begins[i] + result[2 + i] - reach[i] for i in range(2)))
    ends = [reach[i] + size - begins[i] - result[2 + i] for i in range(2)]
    pad = min(*begins, *ends)
    offset = (begins[0] - pad, begins[1] - pad)
    made = (reach[0] + size - 2 * pad, reach[1] + size - 2 * pad)
    is_even = set(dilations) == {1} and weight.shape[2:] == (size, size) and made == result[2:]
    if is_even and not any(op.integers("output_padding")):
        return None
    whole = np.zeros((*weight.shape[:2], size, size), weight.dtype)
    whole[:, :, : spans[0] : dilations[0], : spans[1] : dilations[1]] = weight
    return _Even(whole, pad, offset, made, strides)


def _write_even(program: Program, op: Op, plan: _Even, result: tuple[int, ...]) -> None:
    """Write the even form, and the Slice behind it where one is needed."""
    chain = Chain(program, op)
    offset = program.const(op.input(2)) if op.has(2) else None
    bias = [] if offset is None else [chain.numbers(offset)]
    inputs = [op.x, chain.numbers(plan.weight), *bias]
    side = int(plan.weight.shape[2])
    attributes: dict[str, Attribute] = {
        "kernel_shape": [side, side],
        "pads": [plan.pad] * 4,
        "strides": list(plan.strides),
    }
    if plan.made == result[2:]:
        chain.end("ConvTranspose", inputs, attributes)
        return
    whole = chain.add("ConvTranspose", inputs, (*result[:2], *plan.made), attributes)
    starts = chain.integers(plan.offset)
    ends = chain.integers([plan.offset[i] + result[2 + i] for i in range(2)])
    chain.end("Slice", [whole, starts, ends, chain.integers([2, 3])])


LOWERINGS: Mapping[str, Callable[[Program, Op], str | None]] = {"Conv": conv, "ConvTranspose": conv_transpose}
