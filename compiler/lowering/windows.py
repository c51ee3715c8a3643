"""Where sliding windows lie: pads, strides and sizes of convolutions and pools, in numbers."""

from dataclasses import dataclass
from math import ceil

from compiler.lowering.call import Call


@dataclass(frozen=True)
class Window:
    """A window over the spatial axes, everything filled in."""

    size: tuple[int, ...]
    """The input's spatial size."""
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    """Pads at the beginning of each axis; negative ones crop."""
    after: tuple[int, ...]
    out: tuple[int, ...]
    """The number of places that the window takes on each axis."""

    @property
    def is_even(self) -> bool:
        """Tell whether both ends have the same pads, none of them negative, as torch's own arguments can say."""
        return self.before == self.after and min(self.before, default=0) >= 0

    @property
    def reach(self) -> tuple[int, ...]:
        """How many positions a dilated window spans."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def overhang(self) -> tuple[int, ...]:
        """What the end needs beyond its pads so that the last place fits: not 0 in ceil mode only."""
        rows = zip(self.out, self.stride, self.reach, self.size, self.before, self.after, strict=True)
        return tuple(max(0, (o - 1) * s + r - n - b - a) for o, s, r, n, b, a in rows)


def window_of(call: Call, kernel: tuple[int, ...]) -> Window:
    """Read a convolution's or pool's window."""
    op, size, axes = call.op, call.shape()[2:], len(kernel)
    stride = op.integers("strides") or (1,) * axes
    dilation = op.integers("dilations") or (1,) * axes
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    auto = op.text("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        out = tuple(ceil(n / s) for n, s in zip(size, stride, strict=True))
        total = [max(0, (o - 1) * s + r - n) for o, s, r, n in zip(out, stride, reach, size, strict=True)]
        less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        before, after = (less, more) if auto == "SAME_UPPER" else (more, less)
        return Window(size, kernel, stride, dilation, before, after, out)
    pads = (op.integers("pads") or (0,) * 2 * axes) if auto == "NOTSET" else (0,) * 2 * axes
    before, after = pads[:axes], pads[axes:]
    is_ceil = op.integer("ceil_mode", 0) != 0
    rooms = [n + b + a - r for n, b, a, r in zip(size, before, after, reach, strict=True)]
    count = _places_in_ceil_mode if is_ceil else _places
    out = tuple(count(room, s, n + b) for room, s, n, b in zip(rooms, stride, size, before, strict=True))
    return Window(size, kernel, stride, dilation, before, after, out)


def _places(room: int, stride: int, begin_and_input: int) -> int:
    """Count how often a window fits."""
    del begin_and_input
    return room // stride + 1


def _places_in_ceil_mode(room: int, stride: int, begin_and_input: int) -> int:
    """Count a window's places; the last one may hang over, but not start behind the input."""
    places = ceil(room / stride) + 1
    return places - 1 if (places - 1) * stride >= begin_and_input else places


def pad_list(before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Write pads as torch does: begin and end of the last axis first."""
    return [pad for pair in reversed(list(zip(before, after, strict=True))) for pad in pair]
