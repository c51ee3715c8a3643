"""Operators that move data about, written with Reshape, Slice, Concat and Transpose of at most four axes."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from compiler.ir import Op, Program
from compiler.rewrites.lowerings.chain import COMPUTED, NOT_KNOWN, Chain, shape_of

_MOST_AXES = 4
_MOST_PARTS = 32
"""Pieces beyond which cutting and joining costs more than it is worth."""


def depth_to_space(program: Program, op: Op) -> str | None:
    """Write DepthToSpace as Transposes between Reshapes: one in mode DCR, two in mode CRD."""
    shape = shape_of(program, op)
    if shape is None or len(shape) != 4 or shape[0] != 1:
        return NOT_KNOWN if shape is None else "it does not hold one image"
    b = op.integer("blocksize", 1)
    c, h, w = shape[1] // (b * b), shape[2], shape[3]
    chain = Chain(program, op)
    if op.text("mode", "DCR") == "DCR":
        tensor = _turned(chain, chain.reshape(op.x, (b, b, c * h, w)), (b, b, c * h, w), (2, 0, 3, 1))
    else:
        tensor = _turned(chain, chain.reshape(op.x, (c * b, b, h, w)), (c * b, b, h, w), (0, 2, 3, 1))
        tensor = _turned(chain, chain.reshape(tensor, (c, b, h, w * b)), (c, b, h, w * b), (0, 2, 1, 3))
    chain.end_reshaped(tensor, (1, c, h * b, w * b))
    return None


def space_to_depth(program: Program, op: Op) -> str | None:
    """Write SpaceToDepth as a Transpose between Reshapes."""
    shape = shape_of(program, op)
    if shape is None or len(shape) != 4 or shape[0] != 1:
        return NOT_KNOWN if shape is None else "it does not hold one image"
    b = op.integer("blocksize", 1)
    c, h, w = shape[1], shape[2] // b, shape[3] // b
    chain = Chain(program, op)
    tensor = _turned(chain, chain.reshape(op.x, (c * h, b, w, b)), (c * h, b, w, b), (1, 3, 0, 2))
    chain.end_reshaped(tensor, (1, c * b * b, h, w))
    return None


def _turned(chain: Chain, tensor: str, shape: Sequence[int], order: Sequence[int]) -> str:
    """Add a Transpose."""
    return chain.add("Transpose", [tensor], [shape[axis] for axis in order], {"perm": list(order)})


def gather(program: Program, op: Op) -> str | None:
    """Write a choice of known places as Slices of neighbours, joined again."""
    shape, result, picked = shape_of(program, op), program.shape(op.y), program.const(op.input(1))
    if shape is None or result is None or not shape:
        return NOT_KNOWN
    if picked is None:
        return COMPUTED
    axis = op.integer("axis", 0) % len(shape)
    places = picked.ravel().astype(np.int64) % shape[axis]
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    if not 0 < starts.size <= _MOST_PARTS:
        return f"it picks {starts.size} pieces"
    ends = [*starts[1:], places.size]
    chain = Chain(program, op)
    parts = [_piece(chain, shape, axis, int(places[i]), int(j - i)) for i, j in zip(starts, ends, strict=True)]
    joined = (*shape[:axis], places.size, *shape[axis + 1 :])
    tensor = parts[0] if len(parts) == 1 else chain.add("Concat", parts, joined, {"axis": axis})
    chain.end_reshaped(tensor, result)
    return None


def _piece(chain: Chain, shape: Sequence[int], axis: int, start: int, size: int) -> str:
    """Add the Slice of some neighbours."""
    cut = (*shape[:axis], size, *shape[axis + 1 :])
    places = [chain.integers([number]) for number in (start, start + size, axis)]
    return chain.add("Slice", [chain.op.x, *places], cut)


def tile(program: Program, op: Op) -> str | None:
    """Write repetition as Concat of a tensor with itself, axis by axis."""
    shape, repeats = shape_of(program, op), program.const(op.input(1))
    if shape is None or repeats is None:
        return NOT_KNOWN if shape is None else COMPUTED
    counts = [int(count) for count in repeats.ravel()]
    if not all(1 <= count <= _MOST_PARTS for count in counts):
        return f"it repeats {max(counts)} times"
    chain, tensor, extents = Chain(program, op), op.x, list(shape)
    for axis in [place for place in reversed(range(len(shape))) if counts[place] > 1]:
        extents[axis] *= counts[axis]
        tensor = chain.add("Concat", [tensor] * counts[axis], extents, {"axis": axis})
    chain.end("Identity", [tensor])
    return None


def transpose(program: Program, op: Op) -> str | None:
    """Write a Transpose of many axes as one of few, where axes stay neighbours or have size 1."""
    shape = shape_of(program, op)
    if shape is None:
        return NOT_KNOWN
    if len(shape) <= _MOST_AXES:
        return None
    order = op.integers("perm") or tuple(reversed(range(len(shape))))
    extents, few = merged_axes(shape, order)
    if len(few) > _MOST_AXES:
        return f"it moves {len(few)} axes for good"
    chain, result = Chain(program, op), tuple(shape[axis] for axis in order)
    source = _before_reshape(program, op)
    if len(few) < 2:
        chain.end_reshaped(source, result)
        return None
    follower = _reshape_behind(program, op)
    tensor = _turned(chain, chain.reshape(source, extents), extents, few)
    if follower is None:
        chain.end_reshaped(tensor, result)
        return None
    whole = program.shape(follower.y)
    assert whole is not None
    program.give_const(follower, 1, np.asarray(whole, np.int64))
    program.set_input(follower, 0, tensor)
    program.set_attribute(follower, "allowzero", None)
    program.remove(op)
    return None


def merged_axes(shape: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """Merge axes that stay neighbours and drop those of size 1: the extents that remain, and their order."""
    kept = [axis for axis in order if shape[axis] != 1]
    real = sorted(kept)
    follows = {after: before for before, after in pairwise(real)}
    runs: list[list[int]] = []
    for place, axis in enumerate(kept):
        if place and follows.get(axis) == kept[place - 1]:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    ranks = sorted(runs)
    return [int(np.prod([shape[a] for a in run])) for run in ranks], [ranks.index(run) for run in runs]


def _before_reshape(program: Program, op: Op) -> str:
    """Name the tensor before a Reshape that only this node reads."""
    maker = program.producer(op.x)
    is_plain = maker is not None and maker.op_type == "Reshape" and not maker.domain
    return maker.x if maker is not None and is_plain and program.is_private(op.x) else op.x


def _reshape_behind(program: Program, op: Op) -> Op | None:
    """Find the Reshape that alone reads the result."""
    readers = program.readers(op.y)
    if not program.is_private(op.y) or readers[0].op_type != "Reshape" or readers[0].domain or readers[0].x != op.y:
        return None
    return readers[0] if program.shape(readers[0].y) is not None else None


LOWERINGS: Mapping[str, Callable[[Program, Op], str | None]] = {
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Gather": gather,
    "Tile": tile,
    "Transpose": transpose,
}
