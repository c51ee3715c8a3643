"""Channels through operators that only move values about: run on identities exactly as they run on values.

A network's tensors stay rectangular, so after such a move the identities must vary along one axis only. Where they vary
along several (the reshape of a channel shuffle), the channels that share a place on the widest axis are tied together
and go or stay as one.
"""

from collections.abc import Callable

import numpy as np

from compiler.analysis.channels import rest as left
from compiler.analysis.channels.identities import FIXED, Ids, Layout, Piece, State
from compiler.analysis.channels.rest import Rest
from compiler.ir import Op

Move = Callable[[Ids], Ids]


def reshape(state: State, op: Op) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze: the values keep their row-major order."""
    layout, after = state.layout(op.x), state.program.shape(op.y)
    if layout is None:
        return
    # A Squeeze without axes would drop the channel axis too, once a single channel is left.
    if op.op_type != "Flatten" and state.program.const(op.input(1)) is None:
        state.pin_inputs(op, "its target depends on the shape of its input")
        return
    before = state.program.shape(op.x)
    if before is None or after is None:
        state.pin_inputs(op, "its shape is not known")
        return
    same = _common_tail(before, after, layout.axis)
    target = after[: len(after) - same] + (1,) * same
    found = _moved(state, op, layout, lambda ids: ids.reshape(target), same)
    if found is None:
        return
    if _copies_another_axis(state, op, layout, found):
        state.pin_inputs(op, "its target copies the size of another axis")
        return
    state.layouts[op.y] = found
    if op.op_type == "Reshape":
        state.pieces.append(Piece(op.name, "reshape", found.axis, (found.ids,)))


def depth_to_space(state: State, op: Op) -> None:
    """DepthToSpace in both modes: blocks of channels become blocks of pixels."""
    layout, block = _on_axis_1(state, op), op.integer("blocksize", 1)
    if layout is None:
        return
    is_column_first = op.text("mode", "DCR") == "DCR"

    def move(ids: Ids) -> Ids:
        n, c, h, w = ids.shape
        split = (n, block, block, c // block**2, h, w) if is_column_first else (n, c // block**2, block, block, h, w)
        order = (0, 3, 4, 1, 5, 2) if is_column_first else (0, 1, 4, 2, 5, 3)
        return ids.reshape(split).transpose(order).reshape(n, c // block**2, h * block, w * block)

    _place(state, op, _moved(state, op, layout, move, onto=1))


def space_to_depth(state: State, op: Op) -> None:
    """SpaceToDepth: blocks of pixels become blocks of channels."""
    layout, block = _on_axis_1(state, op), op.integer("blocksize", 1)
    if layout is None:
        return

    def move(ids: Ids) -> Ids:
        n, c, h, w = ids.shape
        parts = ids.reshape(n, c, h // block, block, w // block, block).transpose(0, 3, 5, 1, 2, 4)
        return parts.reshape(n, c * block**2, h // block, w // block)

    _place(state, op, _moved(state, op, layout, move, onto=1))


def tile(state: State, op: Op) -> None:
    """Tile: the same channels over and over."""
    layout, repeats = state.layout(op.x), state.program.const(op.input(1))
    if layout is None:
        return
    if repeats is None:
        state.pin_inputs(op, "its repeats are computed at run time")
        return
    _place(state, op, _moved(state, op, layout, lambda ids: np.tile(ids, repeats.tolist())))


def expand(state: State, op: Op) -> None:
    """Expand: fine as long as the channels are not what is repeated."""
    layout, target, after = state.layout(op.x), state.program.const(op.input(1)), state.program.shape(op.y)
    before = state.program.shape(op.x)
    if layout is None:
        return
    if target is None or before is None or after is None or target.size != len(after) or len(before) != len(after):
        state.pin_inputs(op, "its target is computed at run time, or has another rank")
        return
    if before[layout.axis] != after[layout.axis]:
        state.pin_inputs(op, "one channel is spread over many")
        return
    state.layouts[op.y] = layout
    if int(target.ravel()[layout.axis]) != 1:
        state.pieces.append(Piece(op.name, "reshape", layout.axis, (layout.ids,)))


def gather(state: State, op: Op) -> None:
    """Gather with constant indices: picks channels, in any order, or picks along another axis."""
    layout, indices, before = state.layout(op.x), state.program.const(op.input(1)), state.program.shape(op.x)
    if layout is None:
        return
    if indices is None or before is None:
        state.pin_inputs(op, "its indices are computed at run time")
        return
    axis = op.integer("axis", 0) % len(before)
    if axis != layout.axis:
        moved = layout.axis + (indices.ndim - 1 if axis < layout.axis else 0)
        state.layouts[op.y] = Layout(moved, layout.ids, layout.rest)
    elif indices.ndim != 1:
        state.pin_inputs(op, "it picks channels by a table, or a single one")
    else:
        picks = indices % layout.ids.size
        picked = layout.ids[picks]
        state.pieces.append(Piece(op.name, "gather", axis, (layout.ids, picked)))
        state.layouts[op.y] = Layout(axis, picked, layout.rest[picks])


def pad(state: State, op: Op) -> None:
    """Pad: channels that are added have no identity and stay."""
    layout, pads, before = state.layout(op.x), state.program.const(op.input(1)), state.program.shape(op.x)
    if layout is None:
        return
    if pads is None or before is None or op.has(3):
        state.pin_inputs(op, "its pads are computed at run time, or given for some axes only")
        return
    amounts = pads.reshape(2, len(before))
    first, last = (int(amount) for amount in amounts[:, layout.axis])
    if min(first, last) < 0 or ((first or last) and op.text("mode", "constant") != "constant"):
        state.pin_inputs(op, "it cuts channels off, or repeats them")
        return
    ids = np.concatenate([np.full(first, FIXED), layout.ids, np.full(last, FIXED)])
    rest = layout.rest
    if op.text("mode", "constant") == "constant" and (np.delete(amounts, layout.axis, axis=1) > 0).any():
        rest = _beside_padding(state, op, rest)
    state.layouts[op.y] = Layout(layout.axis, ids, np.pad(rest, (first, last), constant_values=np.nan))


def _beside_padding(state: State, op: Op, rest: Rest) -> Rest:
    """Keep what equals the value that a Pad puts around it, or all when maxima drop that value again."""
    value = state.program.const(op.input(2)) if op.has(2) else np.zeros(1)
    if value is None or value.size != 1:
        return left.unknown(rest.size)
    edge = float(value.ravel()[0])
    is_dropped = edge == -np.inf and all(reader.op_type == "MaxPool" for reader in state.program.readers(op.y))
    return rest if is_dropped else left.same(rest, np.full(rest.size, edge))


def _place(state: State, op: Op, found: Layout | None) -> None:
    if found is not None:
        state.layouts[op.y] = found


def _common_tail(before: tuple[int, ...], after: tuple[int, ...], axis: int) -> int:
    """Count the last axes, behind the channels, that a reshape leaves alone: one element stands for all of them."""
    count = 0
    while count < min(len(before) - axis - 1, len(after) - 1) and before[-1 - count] == after[-1 - count]:
        count += 1
    return count


def _on_axis_1(state: State, op: Op) -> Layout | None:
    """Return the layout of a node's input when the channels lie on axis 1; keep them otherwise."""
    layout = state.layout(op.x)
    if layout is not None and layout.axis != 1:
        state.pin_inputs(op, "its input's channels lie on another axis")
        return None
    return layout


def _moved(  # noqa: PLR0913, PLR0917 - a move, and how to read its result
    state: State, op: Op, layout: Layout, move: Move, same: int = 0, onto: int | None = None
) -> Layout | None:
    """Move a tensor of identities and find the axis that they vary along afterwards; tie what varies along others.

    `same` of the last axes are left alone by the move and are passed as 1; `onto` names the axis that channels have to
    lie on, else it is the one with most of them. Linear in the other axes' elements. None, and the channels stay,
    when the shape is not known.
    """
    shape = state.program.shape(op.x)
    shape = None if shape is None else shape[: len(shape) - same] + (1,) * same
    if shape is None or 0 in shape:
        state.pin_inputs(op, "its shape is not known")
        return None
    row = layout.ids.reshape([-1 if axis == layout.axis else 1 for axis in range(len(shape))])
    moved = move(np.broadcast_to(row, shape))
    axes = [axis for axis in range(moved.ndim) if (moved != moved.take([0], axis)).any()]
    axes += [] if onto is None or onto in axes else [onto]
    rows = [_along(moved, axis) for axis in axes] or [_along(moved, min(layout.axis, moved.ndim - 1))]
    widest = _widest(rows) if onto is None else axes.index(onto)
    axis = axes[widest] if axes else min(layout.axis, moved.ndim - 1)
    carries = layout.rest[0] if (layout.rest == layout.rest[0]).all() else None
    rest = np.full(rows[widest].size, carries) if carries is not None else _moved_rest(layout, shape, move, axis)
    if len(axes) > 1:
        full = np.broadcast_to(rows[widest].reshape([-1 if a == axis else 1 for a in range(moved.ndim)]), moved.shape)
        pairs = np.unique(np.stack([full.ravel(), moved.ravel()]), axis=1)
        state.merge(op, pairs[0], pairs[1])
    return Layout(axis, rows[widest], rest)


def _moved_rest(layout: Layout, shape: tuple[int, ...], move: Move, axis: int) -> Rest:
    """Move a rest along with its channels; channels that come to share a place have to agree."""
    # Bits instead of numbers: a move takes integers, and NaN equals itself then.
    bits = (layout.rest + 0.0).view(np.int64)
    row = bits.reshape([-1 if place == layout.axis else 1 for place in range(len(shape))])
    moved = np.moveaxis(move(np.broadcast_to(row, shape)), axis, 0)
    moved = moved.reshape(moved.shape[0], -1)
    return np.where((moved == moved[:, :1]).all(axis=1), moved[:, 0].copy().view(np.float64), np.nan)


def _widest(rows: list[Ids]) -> int:
    """Find the axis with the most different channels; of equals the last."""
    return max(range(len(rows)), key=lambda index: (np.unique(rows[index]).size, index))


def _along(moved: Ids, axis: int) -> Ids:
    """Take the identities along one axis, at the origin of the others."""
    return moved[tuple(slice(None) if other == axis else 0 for other in range(moved.ndim))]


def _copies_another_axis(state: State, op: Op, layout: Layout, found: Layout) -> bool:
    """Tell whether a 0 in a Reshape's target copies a dimension between the channels and another axis."""
    target = state.program.const(op.input(1)) if op.op_type == "Reshape" else None
    if target is None or layout.axis == found.axis:
        return False
    return any(axis < target.size and int(target.ravel()[axis]) == 0 for axis in (layout.axis, found.axis))
