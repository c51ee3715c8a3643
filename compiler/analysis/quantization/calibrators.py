"""From a tensor's histogram to the range that its integers should cover. Rare extremes may be cut off."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.quantization.histogram import Histogram

CalibratorName: TypeAlias = Literal["minmax", "percentile", "entropy", "mse"]
Range: TypeAlias = tuple[float, float]
Floats: TypeAlias = NDArray[np.float64]

TAIL = 1e-4
"""The share of values that `percentile` cuts off on each side."""

_LEVELS = 256
_SHARES = np.linspace(0.2, 1.0, 81)


def clipped(histogram: Histogram, name: CalibratorName) -> Range:
    """Choose the range by a calibrator's name."""
    if not histogram.counts.any():
        return 0.0, 0.0
    if histogram.low == histogram.high:
        return histogram.low, histogram.high
    return _CALIBRATORS[name](histogram)


def _minmax(histogram: Histogram) -> Range:
    """Cover everything that was seen."""
    return histogram.low, histogram.high


def _percentile(histogram: Histogram) -> Range:
    """Leave out the rarest values on both sides."""
    seen = np.cumsum(histogram.counts) / histogram.counts.sum()
    first = int(np.searchsorted(seen, TAIL, side="right"))
    last = int(np.searchsorted(seen, 1 - TAIL, side="left"))
    edges = histogram.edges
    return float(edges[first]), float(edges[last + 1])


def _mse(histogram: Histogram) -> Range:
    """Shrink the range by the share that makes the mean squared error of rounding and cutting least."""
    centres, counts = histogram.centres, histogram.counts.astype(np.float64)
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    lows, highs = _SHARES * low, _SHARES * high
    step = np.maximum((highs - lows) / (_LEVELS - 1), 1e-300)
    # Inside the range rounding costs step^2 / 12 in the mean; a bin may be as wide as a step, so no rounding is played.
    below, inside_from = _cut_off(centres, counts, lows)
    above, inside_to = _cut_off(-centres[::-1], counts[::-1], -highs)
    error = below + above + (counts.sum() - inside_from - inside_to) * step**2 / 12
    best = int(error.argmin())
    return float(lows[best]), float(highs[best])


def _cut_off(centres: Floats, counts: Floats, limits: Floats) -> tuple[Floats, Floats]:
    """Return, for each limit, the sum of squared distances of all that lies below it, and how much does.

    With n values below the limit c, their sum s and sum of squares q, that is n c^2 - 2 c s + q.
    """
    sums = np.concatenate(
        [np.zeros((3, 1)), np.cumsum([counts, counts * centres, counts * centres**2], axis=1)], axis=1
    )
    number, total, squares = sums[:, np.searchsorted(centres, limits, side="left")]
    return np.maximum(number * limits**2 - 2 * limits * total + squares, 0.0), number


def _entropy(histogram: Histogram) -> Range:
    """Cut |x| where the histogram of what is left resembles its 128-level version most (Kullback-Leibler)."""
    reach = max(abs(histogram.low), abs(histogram.high))
    bins = len(histogram.counts)
    folded, _ = np.histogram(np.abs(histogram.centres), bins=bins, range=(0.0, reach), weights=histogram.counts)
    folded[0] = folded[
        min(1, bins - 1)
    ]  # zeros are exact in any range, and behind a Relu there are so many that they decide alone
    candidates = np.arange(_LEVELS // 2, bins + 1, 16)
    if not folded.any() or not candidates.size:
        return histogram.low, histogram.high
    losses = [_divergence(folded, int(cut)) for cut in candidates]
    threshold = reach * int(candidates[int(np.argmin(losses))]) / bins
    return max(histogram.low, -threshold), min(histogram.high, threshold)


def _divergence(folded: NDArray[np.float64], cut: int) -> float:
    """Compare the first bins, the rest added to the last of them, with themselves averaged into 128 groups."""
    kept = folded[:cut].copy()
    kept[-1] += folded[cut:].sum()
    group = np.arange(cut) * (_LEVELS // 2) // cut
    filled = folded[:cut] > 0
    sums = np.bincount(group, weights=folded[:cut], minlength=_LEVELS // 2)
    sizes = np.bincount(group, weights=filled, minlength=_LEVELS // 2)
    coarse = np.where(filled, (sums / np.maximum(sizes, 1))[group], 0.0)
    p, q = kept / kept.sum(), coarse / max(coarse.sum(), 1e-300)
    at = p > 0
    return float((p[at] * np.log(p[at] / np.maximum(q[at], 1e-12))).sum())


_CALIBRATORS: Mapping[CalibratorName, Callable[[Histogram], Range]] = {
    "minmax": _minmax,
    "percentile": _percentile,
    "entropy": _entropy,
    "mse": _mse,
}
