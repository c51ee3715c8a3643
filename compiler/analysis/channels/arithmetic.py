"""Channels through arithmetic: element by element, between tensors, and along axes."""

import math

import numpy as np

from compiler.analysis.channels import rest as left
from compiler.analysis.channels.identities import Layout, Piece, State
from compiler.analysis.channels.rest import Rest
from compiler.ir import Op

_SUMS = ("ReduceL1", "ReduceL2", "ReduceSum", "ReduceSumSquare")
"""Reductions to which zeros add nothing."""


def elementwise(state: State, op: Op) -> None:
    """One or more tensors combined position by position, with numpy's broadcasting.

    Channels that meet are tied. A constant operand with a value per channel is cut with them.
    """
    rank = _rank(state, op.y)
    layouts = {slot: layout for slot, name in enumerate(op.inputs) if (layout := state.layout(name)) is not None}
    if not layouts:
        return
    if rank is None:
        state.pin_inputs(op, "its shape is not known")
        return
    axes = {_axis_from_end(state, op, slot, layout) for slot, layout in layouts.items()}
    axis = axes.pop()
    if axes:
        state.pin_inputs(op, "the channels of its inputs lie on different axes")
        return
    width = max(layout.ids.size for layout in layouts.values())
    shape = state.program.shape(op.y)
    if shape is None or shape[axis] != width:
        state.pin_inputs(op, "one channel is spread over many")
        return
    wide = [layout for layout in layouts.values() if layout.ids.size == width]
    for layout in layouts.values():
        if layout.ids.size != width:
            state.pin(op, layout.ids, "one channel is spread over many")
    for other in wide[1:]:
        state.merge(op, wide[0].ids, other.ids)
    for slot, name in enumerate(op.inputs):
        if name and slot not in layouts:
            _plain_operand(state, op, slot, axis, wide[0])
    rests = [_rest(state, op, slot, axis, width) for slot, name in enumerate(op.inputs) if name]
    rest = left.combined(op, rests)
    for output in op.outputs:
        if output:
            state.layouts[output] = Layout(rank + axis, wide[0].ids, rest)


def along_axes(state: State, op: Op) -> None:
    """Reductions: channels stay apart, or are summed up; a masked channel that carries 0 adds nothing to a sum."""
    layout, shape = state.layout(op.x), state.program.shape(op.x)
    if layout is None:
        return
    axes = _axes(state, op)
    if shape is None or axes is None:
        state.pin_inputs(op, "the axes it reduces are not known")
        return
    reduced = {axis % len(shape) for axis in axes} or set(range(len(shape)))
    if layout.axis in reduced:
        _over_channels(state, op, layout)
        return
    gone = 0 if op.integer("keepdims", 1) else sum(axis < layout.axis for axis in reduced)
    rest = left.reduced(op.op_type, layout.rest, math.prod(shape[axis] for axis in reduced))
    state.layouts[op.y] = Layout(layout.axis - gone, layout.ids, rest)


def _over_channels(state: State, op: Op, layout: Layout) -> None:
    is_mean = op.op_type == "ReduceMean" and not state.program.is_output(op.y) and not state.program.is_captured(op.y)
    if op.op_type not in _SUMS and not is_mean:
        state.pin_inputs(op, f"{op.op_type} runs over the channels")
        return
    state.pin_rest(op, layout, f"{op.op_type} runs over the channels")
    if is_mean:
        state.pieces.append(Piece(op.name, "mean", layout.axis, (layout.ids,)))


def over_one_axis(state: State, op: Op) -> None:
    """Softmax and its kin: fine unless they run over the channels."""
    layout, shape = state.layout(op.x), state.program.shape(op.x)
    if layout is None:
        return
    axis = None if shape is None else op.integer("axis", -1) % len(shape)
    if shape is None or axis is None or axis == layout.axis:
        state.pin_inputs(op, f"{op.op_type} runs over the channels")
        return
    state.layouts[op.y] = Layout(layout.axis, layout.ids, left.spread(op.op_type, layout.rest, shape[axis]))


def _plain_operand(state: State, op: Op, slot: int, axis: int, layout: Layout) -> None:
    """Deal with an operand without identities: cut a constant that has a value per channel, refuse a wide tensor."""
    shape = state.program.shape(op.inputs[slot])
    if shape is None:
        state.pin(op, layout.ids, f"{op.inputs[slot]} has an unknown shape")
        return
    if len(shape) < -axis or shape[axis] == 1:
        return
    if state.program.is_constant(op.inputs[slot]) and shape[axis] == layout.ids.size:
        state.use(op, slot, len(shape) + axis, layout.ids)
    else:
        state.pin(op, layout.ids, f"its channels meet those of {op.inputs[slot]}, which have to stay")


def _rest(state: State, op: Op, slot: int, axis: int, width: int) -> Rest:
    """Tell what an operand holds where a masked channel lies. Masking sets what is added to one channel to zero."""
    layout = state.layout(op.inputs[slot])
    if layout is not None:
        return layout.rest if layout.ids.size == width else left.unknown(width)
    value = state.program.const(op.inputs[slot])
    if value is not None and value.size == 1:
        return np.full(width, float(value.ravel()[0]))
    is_added = op.op_type in ("Add", "Sub", "Sum") and value is not None
    has_own = value is not None and value.ndim >= -axis and value.shape[axis] == width
    return left.zeros(width) if is_added and has_own else left.unknown(width)


def _axis_from_end(state: State, op: Op, slot: int, layout: Layout) -> int:
    """Count a layout's axis from the end, as broadcasting does."""
    return layout.axis - (_rank(state, op.inputs[slot]) or 0)


def _rank(state: State, tensor: str) -> int | None:
    shape = state.program.shape(tensor)
    return None if shape is None else len(shape)


def _axes(state: State, op: Op) -> tuple[int, ...] | None:
    """Read the axes of a reduction from its attribute or its constant input; empty means all."""
    if op.has(1):
        value = state.program.const(op.input(1))
        return None if value is None else tuple(int(axis) for axis in np.asarray(value).ravel())
    return op.integers("axes")
