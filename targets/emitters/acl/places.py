"""Operators that move data about, as calls of the builder."""

from collections.abc import Callable, Mapping

from compiler.ir import Array, Op
from targets.emitters.acl.activations import number
from targets.emitters.acl.resize import resize
from targets.emitters.acl.steps import Code, Draft, Shape, Unwritable

_MOST_AXES = 4


def alias(draft: Draft, op: Op) -> None:
    """Let the result stand for the input: Identity, and Dropout outside training."""
    draft.aliases[op.y] = draft.ref(op.x).tensor


def reshape(draft: Draft, op: Op) -> None:
    """Write a change of shape, or a whole channel shuffle where one begins here."""
    if (found := _shuffle(draft, op)) is not None:
        transpose, last, groups = found
        draft.add("shuffle", op, (draft.ref(op.x), draft.form(last.y), groups), last.y)
        draft.done.update((transpose.name, last.name))
    else:
        draft.add("reshape", op, (draft.ref(op.x), draft.form(op.y)))


def _shuffle(draft: Draft, op: Op) -> tuple[Op, Op, int] | None:
    """Recognise Reshape, Transpose and Reshape that deal channels out to groups; all three go into one call."""
    transpose = draft.only_reader(op.y)
    if transpose is None or transpose.domain or transpose.op_type != "Transpose":
        return None
    last = draft.only_reader(transpose.y)
    if last is None or last.domain or last.op_type != "Reshape" or last.x != transpose.y:
        return None
    image, split, back = draft.shape(op.x), draft.shape(op.y), draft.shape(last.y)
    if len(image) != 4 or image[0] != 1 or image != back or len(split) not in (3, 5):
        return None
    groups, members = split[-4:-2] if len(split) == 5 else split[:2]
    is_dealt = transpose.integers("perm") in ((0, 2, 1, 3, 4), (1, 0, 2)) and groups * members == image[1]
    rest = split[3:] == image[2:] if len(split) == 5 else split[2] == image[2] * image[3]
    return (transpose, last, groups) if is_dealt and rest and 2 <= groups < image[1] else None


def transpose(draft: Draft, op: Op) -> None:
    """Write a change of the axes' order; the library knows every one of three and of four axes."""
    rank = len(draft.shape(op.x))
    order = op.integers("perm") or tuple(reversed(range(rank)))
    if rank > _MOST_AXES:
        raise Unwritable(f"it moves {rank} axes, and the library 4 at most", "merge neighbouring axes with a Reshape")
    lead = tuple(range(max(0, 3 - rank)))
    draft.add("permute", op, (draft.ref(op.x), draft.form(op.y), (*lead, *(axis + len(lead) for axis in order))))


def concat(draft: Draft, op: Op) -> None:
    """Write a join along one of the three innermost axes."""
    shape = draft.shape(op.y)
    axis = op.integer("axis", 0) % len(shape)
    if len(shape) - 1 - axis > 2:
        raise Unwritable(f"it joins along axis {axis} of {len(shape)}", "join along one of the last three axes")
    parts = tuple(draft.ref(name) for name in op.inputs)
    draft.add("concatenate", op, (parts, draft.form(op.y), axis))


def split(draft: Draft, op: Op) -> None:
    """Write one slice for each part that is read."""
    shape = draft.shape(op.x)
    axis, start = op.integer("axis", 0) % len(shape), 0
    for name in op.outputs:
        size = draft.shape(name)[axis]
        if draft.program.readers(name) or draft.program.is_output(name):
            starts = tuple(start if place == axis else 0 for place in range(len(shape)))
            _slice(draft, op, name, starts, (1,) * len(shape))
        start += size


def slice_(draft: Draft, op: Op) -> None:
    """Write a slice with positive steps."""
    shape = draft.shape(op.x)
    starts, ends = draft.constant(op, 1, "start").ravel(), draft.constant(op, 2, "end").ravel()
    axes = _or_default(draft.optional(op, 3, "axes"), range(len(starts)))
    steps = _or_default(draft.optional(op, 4, "steps"), [1] * len(starts))
    places = [slice(None)] * len(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step < 1:
            raise Unwritable("it runs backwards", "slice forwards")
        places[axis % len(shape)] = slice(int(start), int(end), int(step))
    ranges = [place.indices(extent) for place, extent in zip(places, shape, strict=True)]
    _slice(draft, op, op.y, tuple(r[0] for r in ranges), tuple(r[2] for r in ranges))


def _or_default(value: Array | None, default: range | list[int]) -> list[int]:
    return list(default) if value is None else [int(item) for item in value.ravel()]


def _slice(draft: Draft, op: Op, result: str, starts: Shape, steps: Shape) -> None:
    """Write a slice whose ends follow from the size of the result."""
    shape = draft.shape(result)
    if len(shape) > _MOST_AXES:
        raise Unwritable(f"it works on {len(shape)} axes, and the library on 4 at most", "merge axes with a Reshape")
    if 0 in shape:
        raise Unwritable("its result is empty", "leave the layer out")
    ends = tuple(s + (n - 1) * step + 1 for s, n, step in zip(starts, shape, steps, strict=True))
    draft.add("slice", op, (draft.ref(op.x), draft.form(result), starts, ends, steps), result)


def pad(draft: Draft, op: Op) -> None:
    """Write a pad by a number or by reflection."""
    shape, mode = draft.shape(op.x), op.text("mode", "constant")
    if mode not in ("constant", "reflect") or op.has(3):
        raise Unwritable(f"it pads in mode {mode}", "pad with a number or by reflection")
    pads = [int(amount) for amount in draft.constant(op, 1, "pads").ravel()]
    before, after = tuple(pads[: len(shape)]), tuple(pads[len(shape) :])
    if min(pads) < 0 or len(shape) > _MOST_AXES:
        raise Unwritable("it cuts, or works on more than 4 axes", "cut with a Slice")
    value = draft.optional(op, 2, "value")
    fill = 0.0 if value is None or mode == "reflect" else float(value.reshape(()))
    style = Code(f"Padding::{mode}")
    draft.add("pad", op, (draft.ref(op.x), draft.form(op.y), before, after, style, Code(number(fill))))


def reduce_mean(draft: Draft, op: Op) -> None:
    """Write a mean over axes, which stay with size 1, and a change of shape where they should go."""
    shape = draft.shape(op.x)
    if len(shape) > _MOST_AXES:
        raise Unwritable(f"it works on {len(shape)} axes, and the library on 4 at most", "merge axes with a Reshape")
    axes = {axis % len(shape) for axis in op.integers("axes")} or set(range(len(shape)))
    # The library forgets outer axes of size 1, and refuses to take a mean along them.
    places = tuple(sorted(axis for axis in axes if shape[axis] != 1))
    kept = tuple(1 if place in axes else extent for place, extent in enumerate(shape))
    if not places:
        draft.add("reshape", op, (draft.ref(op.x), draft.form(op.y)))
    elif op.integer("keepdims", 1):
        draft.add("mean", op, (draft.ref(op.x), kept, places))
    else:
        middle = f"{op.y}\0mean"  # no tensor of a model has such a name
        draft.add("mean", op, (draft.ref(op.x), kept, places), middle)
        draft.add("reshape", op, (draft.ref(middle), draft.shape(op.y)))


HANDLERS: Mapping[str, Callable[[Draft, Op], None]] = {
    **dict.fromkeys(("Identity", "Dropout"), alias),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshape),
    "Transpose": transpose,
    "Concat": concat,
    "Split": split,
    "Slice": slice_,
    "Pad": pad,
    "Resize": resize,
    "ReduceMean": reduce_mean,
}
