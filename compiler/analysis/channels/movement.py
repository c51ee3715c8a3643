"""Channels through data movement: join, part, cut, transpose, resample."""

import numpy as np

from compiler.analysis.channels import rest as left
from compiler.analysis.channels.identities import FIXED, Ids, Layout, Piece, State
from compiler.analysis.channels.rest import Rest
from compiler.ir import Array, Op


def activation(state: State, op: Op) -> None:
    """Operators that work on each position by itself."""
    if (layout := state.layout(op.x)) is not None:
        _one_by_one(state, op, layout, left.after(op, layout.rest))


def pool(state: State, op: Op) -> None:
    """Pools work on each channel by itself as long as the channels lie on axis 1."""
    layout = state.layout(op.x)
    if layout is None:
        return
    if layout.axis > 1:
        state.pin_inputs(op, "it pools over the channels")
        return
    rest = left.same(layout.rest, left.zeros(layout.ids.size)) if _mixes_values(op) else layout.rest
    _one_by_one(state, op, layout, rest)


def concat(state: State, op: Op) -> None:
    """Concat: identities are joined along the channel axis, tied along any other."""
    layouts = [state.layout(name) for name in op.inputs]
    known = [layout for layout in layouts if layout is not None]
    shape = state.program.shape(op.y)
    if not known:
        return
    axis = known[0].axis
    if shape is None or any(layout.axis != axis for layout in known):
        state.pin_inputs(op, "the channels of its inputs lie on different axes")
    elif op.integer("axis", 0) % len(shape) == axis:
        rows = [_ids_of(state, name, layout, axis) for name, layout in zip(op.inputs, layouts, strict=True)]
        if sum(row.size for row in rows) != shape[axis]:
            state.pin_inputs(op, "the shape of one of its inputs is not known")
            return
        parts = zip(rows, layouts, strict=True)
        rests = [left.unknown(row.size) if layout is None else layout.rest for row, layout in parts]
        state.layouts[op.y] = Layout(axis, np.concatenate(rows), np.concatenate(rests))
    elif len(known) < len(layouts):
        state.pin_inputs(op, "it joins them with a tensor whose channels have to stay")
    else:
        rest = known[0].rest
        for layout in known[1:]:
            state.merge(op, known[0].ids, layout.ids)
            rest = left.same(rest, layout.rest)
        state.layouts[op.y] = Layout(axis, known[0].ids, rest)


def split(state: State, op: Op) -> None:
    """Split: each output gets its run of identities."""
    layout, shape = state.layout(op.x), state.program.shape(op.x)
    if layout is None:
        return
    if shape is None or op.integer("axis", 0) % len(shape) != layout.axis:
        _same_for_all(state, op, layout)
        return
    widths = [(state.program.shape(name) or (0,) * len(shape))[layout.axis] for name in op.outputs]
    if sum(widths) != layout.ids.size:
        state.pin_inputs(op, "the sizes of its parts are not known")
        return
    cuts = np.cumsum(widths)[:-1]
    parts, rests = np.split(layout.ids, cuts), np.split(layout.rest, cuts)
    state.pieces.append(Piece(op.name, "split", layout.axis, tuple(parts)))
    for name, part, rest in zip(op.outputs, parts, rests, strict=True):
        state.layouts[name] = Layout(layout.axis, part, rest)


def slice_(state: State, op: Op) -> None:
    """Slice: a run of channels keeps its identities; a stride over channels is refused."""
    layout, shape = state.layout(op.x), state.program.shape(op.x)
    if layout is None:
        return
    values = [state.program.const(op.input(slot)) if op.has(slot) else None for slot in (1, 2, 3, 4)]
    starts, ends, axes, steps = values
    if shape is None or starts is None or ends is None or (op.has(3) and axes is None) or (op.has(4) and steps is None):
        state.pin_inputs(op, "its bounds are computed at run time")
        return
    cuts = [int(axis) % len(shape) for axis in (range(starts.size) if axes is None else axes.ravel())]
    if layout.axis not in cuts:
        state.layouts[op.y] = layout
        return
    place = cuts.index(layout.axis)
    step = 1 if steps is None else int(steps.ravel()[place])
    first, last, _ = slice(_at(starts, place), _at(ends, place)).indices(layout.ids.size)
    if step != 1 or last <= first:
        state.pin_inputs(op, "it picks channels with a stride" if step != 1 else "it picks no channels")
        return
    state.pieces.append(Piece(op.name, "slice", place, (layout.ids, layout.ids[first:last]), start=first))
    state.layouts[op.y] = Layout(layout.axis, layout.ids[first:last], layout.rest[first:last])


def transpose(state: State, op: Op) -> None:
    """Transpose: the channel axis moves."""
    layout, shape = state.layout(op.x), state.program.shape(op.x)
    if layout is None:
        return
    if shape is None:
        state.pin_inputs(op, "its shape is not known")
        return
    order = op.integers("perm") or tuple(reversed(range(len(shape))))
    state.layouts[op.y] = Layout(order.index(layout.axis), layout.ids, layout.rest)


def resize(state: State, op: Op) -> None:
    """Resize: fine as long as the channel axis keeps its size; explicit sizes are counted anew."""
    layout, before, after = state.layout(op.x), state.program.shape(op.x), state.program.shape(op.y)
    if layout is None:
        return
    if before is None or after is None or before[layout.axis] != after[layout.axis] or op.integers("axes"):
        state.pin_inputs(op, "it resizes the channel axis, or names its axes")
        return
    if (
        op.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
        or _scale(state, op, layout) != 1
    ):
        state.pin_inputs(op, "it may crop or scale the channel axis")
        return
    if op.has(3):
        if state.program.const(op.input(3)) is None:
            state.pin_inputs(op, "its sizes are computed at run time")
            return
        state.pieces.append(Piece(op.name, "sizes", layout.axis, (layout.ids,)))
    state.layouts[op.y] = layout


def _one_by_one(state: State, op: Op, layout: Layout, rest: Rest) -> None:
    """Give the first output the input's channels; further ones are indices or masks."""
    state.layouts[op.y] = Layout(layout.axis, layout.ids, rest)
    for extra in op.outputs[1:]:
        if extra and (state.program.readers(extra) or state.program.is_output(extra)):
            state.pin_inputs(op, f"its output {extra} is read")


def _mixes_values(op: Op) -> bool:
    """Tell whether a pool of one value gives another one: it counts zeros of its padding, or sums up."""
    is_padded = any(op.integers("pads")) or op.text("auto_pad", "NOTSET") != "NOTSET" or op.integer("ceil_mode", 0)
    return "Lp" in op.op_type or bool(is_padded and op.integer("count_include_pad", 0))


def _scale(state: State, op: Op, layout: Layout) -> float:
    """Tell a Resize's scale along the channels: explicit sizes scale by 1, run-time scales by nobody knows what."""
    scales = state.program.const(op.input(2))
    if op.has(3):
        return 1.0
    return float("nan") if scales is None or scales.size <= layout.axis else float(scales.ravel()[layout.axis])


def _ids_of(state: State, tensor: str, layout: Layout | None, axis: int) -> Ids:
    """Return a tensor's identities, FIXED ones for a tensor without."""
    if layout is not None:
        return layout.ids
    shape = state.program.shape(tensor)
    return np.full(0 if shape is None else shape[axis], FIXED)


def _same_for_all(state: State, op: Op, layout: Layout) -> None:
    for name in op.outputs:
        if name:
            state.layouts[name] = layout


def _at(values: Array, place: int) -> int:
    return int(values.ravel()[place])
