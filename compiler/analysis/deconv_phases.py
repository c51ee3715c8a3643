"""A strided transposed convolution seen as the small convolutions whose outputs interleave."""

from dataclasses import dataclass
from itertools import product
from math import ceil, gcd

from compiler.ir import ConvTranspose, ProgramView

ZERO_TAP = -1
"""A tap of a phase that stands for no tap of the original kernel: its weight is 0."""


@dataclass(frozen=True)
class AxisPhase:
    """One phase of one axis: outputs r, r + stride, r + 2 stride, ... as a convolution of stride 1.

    Output q of the phase sums `taps[i]` times input q - pad_begin + i step.
    """

    taps: tuple[int, ...]
    step: int
    """The dilation between the taps."""
    pad_begin: int
    pad_end: int


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a transposed convolution: output[stride i + dilation t - pad] += input[i] weight[t]."""

    size: int
    output: int
    kernel: int
    stride: int
    dilation: int
    pad: int

    @property
    def positions(self) -> int:
        """Count the outputs of each phase; where the stride does not divide the output, the last ones are surplus."""
        return ceil(self.output / self.stride)

    def phases(self) -> tuple[AxisPhase, ...]:
        """List the phases, one for each remainder of the output position."""
        step = self.dilation // gcd(self.dilation, self.stride)
        return tuple(self._phase(self._hits(remainder), step) for remainder in range(self.stride))

    def joint(self) -> tuple[AxisPhase, ...]:
        """List the phases again, all over the same window, so that one convolution can compute them all.

        Only for a dilation of 1, where the taps of every phase stand side by side.
        """
        hits = [self._hits(remainder) for remainder in range(self.stride)]
        offsets = [offset for found in hits for offset in found] or [0]
        window = range(min(offsets), max(offsets) + 1)
        return tuple(self._phase(dict.fromkeys(window, ZERO_TAP) | found, 1) for found in hits)

    def _hits(self, remainder: int) -> dict[int, int]:
        """Map offset to tap, for the taps that reach outputs of this remainder."""
        taps = range(self.kernel)
        apart = {tap: remainder + self.pad - self.dilation * tap for tap in taps}
        return {apart[tap] // self.stride: tap for tap in taps if apart[tap] % self.stride == 0}

    def _phase(self, hits: dict[int, int], step: int) -> AxisPhase:
        """Order the taps, and add taps of 0 where the window would begin after or end before the input does."""
        first, last = min(hits, default=0), max(hits, default=0)
        first -= max(0, ceil(first / step)) * step
        last += max(0, ceil((self.size - self.positions - last) / step)) * step
        taps = tuple(hits.get(offset, ZERO_TAP) for offset in range(first, last + 1, step))
        return AxisPhase(taps, step, -first, self.positions + last - self.size)


@dataclass(frozen=True)
class Deconv:
    """The geometry of a transposed convolution, its pads worked out."""

    batch: int
    channels: int
    """Output channels."""
    group: int
    axes: tuple[Axis, ...]

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride per axis."""
        return tuple(axis.stride for axis in self.axes)

    def phases(self) -> tuple[tuple[AxisPhase, ...], ...]:
        """List the phases of all axes together, the last axis turning fastest."""
        return tuple(product(*(axis.phases() for axis in self.axes)))

    def joint(self) -> tuple[tuple[AxisPhase, ...], ...] | None:
        """List them over one common window; None where a dilation keeps their taps apart."""
        if any(axis.dilation > 1 for axis in self.axes):
            return None
        return tuple(product(*(axis.joint() for axis in self.axes)))


def read_deconv(program: ProgramView, op: ConvTranspose) -> Deconv | str:
    """Read a transposed convolution's geometry, or say why it cannot be told."""
    x, y, weight = program.shape(op.x), program.shape(op.y), program.const(op.w)
    if weight is None:
        return "its weight is computed at run time"
    if op.bias and not program.is_constant(op.bias[0]):
        return "its bias is computed at run time"
    if x is None or y is None or weight.ndim < 3:
        return "its shape is not fixed"
    kernel, rank = weight.shape[2:], weight.ndim - 2
    ones = (1,) * rank
    strides, dilations = op.strides or ones, op.dilations or ones
    extra = op.integers("output_padding", (0,) * rank)
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    whole = [s * (n - 1) + e + span for s, n, e, span in zip(strides, x[2:], extra, spans, strict=True)]
    pads = _begin_pads(op, [full - out for full, out in zip(whole, y[2:], strict=True)])
    if isinstance(pads, str):
        return pads
    axes = tuple(map(Axis, x[2:], y[2:], kernel, strides, dilations, pads))
    return Deconv(x[0], y[1], op.group, axes)


def _begin_pads(op: ConvTranspose, total: list[int]) -> list[int] | str:
    """Work out how much is cut off before each axis, given the sum of both ends."""
    is_automatic = op.auto_pad not in ("NOTSET", "VALID")
    if not is_automatic and not op.integers("output_shape"):
        begin, end = op.pads[: len(total)] or [0] * len(total), op.pads[len(total) :] or [0] * len(total)
        is_plain = all(b + e == amount for b, e, amount in zip(begin, end, total, strict=True))
        return list(begin) if is_plain else "its output has another size than its pads give"
    if any(op.integers("output_padding")):
        return "its pads are automatic beside an output_padding, and runtimes disagree on what that means"
    if any(amount < 0 for amount in total):
        return "its stated output is larger than its kernel reaches"
    if any(amount % 2 for amount in total):
        return "its pads are automatic and odd, and runtimes disagree on which end gets the larger half"
    return [amount // 2 for amount in total]
