"""The layers of random networks that move channels about: join, part, pick, reshape, shuffle."""

from collections.abc import Callable, Mapping

from hypothesis import strategies as st

from tests.support.sketch import Sketch

_WIDEST = 12


def _concat(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    fits = [n for n in sketch.tensors if sketch.shape(n)[2:] == (height, width)]
    other = sketch.draw(st.sampled_from(fits))
    if channels + sketch.shape(other)[1] > _WIDEST:
        return
    axis = sketch.draw(st.sampled_from([1, -3]))
    sketch.add("Concat", [x, other], (1, channels + sketch.shape(other)[1], height, width), {"axis": axis})


def _concat_aside(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if width <= 8:
        sketch.add("Concat", [x, sketch.pick_like(x)], (1, channels, height, 2 * width), {"axis": 3})


def _split(sketch: Sketch) -> None:
    x = sketch.pick()
    channels = sketch.shape(x)[1]
    if channels > 1:
        first = sketch.number(1, channels - 1)
        sketch.add_split(x, [first, channels - first])


def _slice(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    first = sketch.number(0, channels - 1)
    last = sketch.number(first + 1, channels)
    start = first - channels if sketch.chance() else first
    end = 2**40 if last == channels else last
    bounds = [sketch.integers(start), sketch.integers(end), sketch.integers(sketch.draw(st.sampled_from([1, -3])))]
    sketch.add("Slice", [x, *bounds], (1, last - first, height, width))


def _reshape(sketch: Sketch) -> None:
    """Flatten the pixels and put them back, with the target written in one of several ways."""
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    there = sketch.draw(st.sampled_from([(1, channels, -1), (0, 0, -1), (1, -1, height * width)]))
    back = sketch.draw(st.sampled_from([(1, channels, height, width), (0, 0, height, width), (1, -1, height, width)]))
    flat = sketch.add("Reshape", [x, sketch.integers(*there)], (1, channels, height * width))
    sketch.add("Reshape", [flat, sketch.integers(*back)], sketch.shape(x))


def _last_axis(sketch: Sketch) -> None:
    """Work on the channels while they are the last axis."""
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    moved = sketch.program.fresh("moved")
    sketch.program.add("Transpose", [x], [moved], {"perm": [0, 2, 3, 1]}, name=f"{moved}_node")
    scaled = sketch.program.fresh("scaled")
    width_out = sketch.number(1, 4)
    op_type, weight = (
        ("MatMul", sketch.weight(channels, width_out)) if sketch.chance() else ("Mul", sketch.vector(channels))
    )
    sketch.program.add(op_type, [moved, weight], [scaled], name=f"{scaled}_node")
    out = width_out if op_type == "MatMul" else channels
    sketch.add("Transpose", [scaled], (1, out, height, width), {"perm": [0, 3, 1, 2]})


def _shuffle(sketch: Sketch) -> None:
    """Deal the channels of several groups out one by one, as ShuffleNet does."""
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    group = sketch.draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    apart = (1, group, channels // group, height, width)
    torn = sketch.add("Reshape", [x, sketch.integers(*apart)], apart)
    swapped = (1, channels // group, group, height, width)
    dealt = sketch.add("Transpose", [torn], swapped, {"perm": [0, 2, 1, 3, 4]})
    rows = sketch.draw(st.sampled_from([channels, -1]))
    sketch.add("Reshape", [dealt, sketch.integers(1, rows, height, width)], sketch.shape(x))


def _gather(sketch: Sketch) -> None:
    """Pick channels in any order, some perhaps twice, some counted from the end."""
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    picks = sketch.draw(st.lists(st.integers(-channels, channels - 1), min_size=1, max_size=6))
    sketch.add("Gather", [x, sketch.integers(*picks)], (1, len(picks), height, width), {"axis": 1})


def _depth_to_space(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if channels % 4 == 0 and height <= 8:
        mode = sketch.draw(st.sampled_from(["DCR", "CRD"]))
        shape = (1, channels // 4, 2 * height, 2 * width)
        sketch.add("DepthToSpace", [x], shape, {"blocksize": 2, "mode": mode})


def _space_to_depth(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if channels <= 3 and height % 2 == 0 and width % 2 == 0:
        sketch.add("SpaceToDepth", [x], (1, 4 * channels, height // 2, width // 2), {"blocksize": 2})


def _tile(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if channels <= 6 and width <= 8:
        times = sketch.draw(st.sampled_from([(1, 2, 1, 1), (1, 1, 1, 2), (1, 2, 2, 1)]))
        shape = (1, channels * times[1], height * times[2], width * times[3])
        sketch.add("Tile", [x, sketch.integers(*times)], shape)


def _widen(sketch: Sketch) -> None:
    """Pad the channels with zeros, as shortcuts between widths do."""
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    before, after = sketch.number(0, 2), sketch.number(0, 2)
    pads = sketch.integers(0, before, 0, 0, 0, after, 0, 0)
    sketch.add("Pad", [x, pads], (1, channels + before + after, height, width))


def _expand(sketch: Sketch) -> None:
    x = sketch.pick()
    _, channels, height, width = sketch.shape(x)
    if (height, width) == (1, 1):
        sides = sketch.draw(st.sampled_from([(1, channels, 3, 3), (1, 1, 3, 3)]))
        sketch.add("Expand", [x, sketch.integers(*sides)], (1, channels, 3, 3))


MOVES: Mapping[str, Callable[[Sketch], None]] = {
    "concat": _concat,
    "concat aside": _concat_aside,
    "depth to space": _depth_to_space,
    "expand": _expand,
    "gather": _gather,
    "last axis": _last_axis,
    "reshape": _reshape,
    "shuffle": _shuffle,
    "slice": _slice,
    "space to depth": _space_to_depth,
    "split": _split,
    "tile": _tile,
    "widen": _widen,
}
