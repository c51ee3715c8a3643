"""Channels through data movement: join, part, cut, transpose, resample."""

import numpy as np

from compiler.analysis.channels.identities import FIXED, Ids, Layout, Piece, State
from compiler.ir import Array, Op


def unchanged(state: State, op: Op) -> None:
    """Operators that work on each position by itself, such as activations."""
    if (layout := state.layout(op.x)) is not None:
        state.layouts[op.y] = layout
        for extra in op.outputs[1:]:
            if extra and (state.program.readers(extra) or state.program.is_output(extra)):
                state.pin_inputs(op, f"its output {extra} is read")


def pool(state: State, op: Op) -> None:
    """Pools work on each channel by itself as long as the channels lie on axis 1."""
    if (layout := state.layout(op.x)) is not None and layout.axis > 1:
        state.pin_inputs(op, "it pools over the channels")
        return
    unchanged(state, op)


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
        state.layouts[op.y] = Layout(axis, np.concatenate(rows))
    elif len(known) < len(layouts):
        state.pin_inputs(op, "it joins them with a tensor whose channels have to stay")
    else:
        for layout in known[1:]:
            state.merge(op, known[0].ids, layout.ids)
        state.layouts[op.y] = known[0]


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
    parts = tuple(np.split(layout.ids, np.cumsum(widths)[:-1]))
    state.pieces.append(Piece(op.name, "split", layout.axis, parts))
    for name, part in zip(op.outputs, parts, strict=True):
        state.layouts[name] = Layout(layout.axis, part)


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
    state.layouts[op.y] = Layout(layout.axis, layout.ids[first:last])


def transpose(state: State, op: Op) -> None:
    """Transpose: the channel axis moves."""
    layout, shape = state.layout(op.x), state.program.shape(op.x)
    if layout is None:
        return
    if shape is None:
        state.pin_inputs(op, "its shape is not known")
        return
    order = op.integers("perm") or tuple(reversed(range(len(shape))))
    state.layouts[op.y] = Layout(order.index(layout.axis), layout.ids)


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
