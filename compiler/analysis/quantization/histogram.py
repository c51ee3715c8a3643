"""How often a tensor's values were seen, in at most 2048 equally wide bins, however far they turn out to reach.

A bin is a power of two wide and begins at a multiple of that. When a value falls outside, neighbours are merged in
pairs until there is room; so one look at each image is enough, and the order of images does not matter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array

BINS = 2048
SAMPLED = 8192
"""Values of a tensor that are counted in each image; extremes are found among all of them."""

_DIGITS = 40
"""Binary digits below the largest magnitude at which bins end getting narrower."""
_LEAST_EXPONENT = -100


@dataclass
class Histogram:
    """How often a tensor's values fell into each bin, and their true extremes."""

    low: float = math.inf
    high: float = -math.inf
    exponent: int = _LEAST_EXPONENT
    """Bins are 2^exponent wide."""
    first: int = 0
    """The first bin begins at first * 2^exponent."""
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def edges(self) -> NDArray[np.float64]:
        """Give the bins' borders, one more than bins; the outermost are the extremes that were seen."""
        places = np.arange(self.first, self.first + len(self.counts) + 1, dtype=np.float64)
        return np.clip(places * math.ldexp(1.0, self.exponent), self.low, self.high)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Give the bins' middles."""
        edges = self.edges
        return (edges[:-1] + edges[1:]) / 2

    def add(self, value: Array, turn: int = 0) -> None:
        """Take in an array's finite values; of many some are counted, others in another turn."""
        low, high = float(value.min(initial=math.inf)), float(value.max(initial=-math.inf))
        if not (math.isfinite(low) and math.isfinite(high)):
            value = value[np.isfinite(value)]
            low, high = float(value.min(initial=math.inf)), float(value.max(initial=-math.inf))
        if value.size:
            self.count(value.ravel()[_places(value, turn)], low, high)

    def count(self, some: Array, low: float, high: float) -> None:
        """Count values; the extremes are those of all that they stand for."""
        self._reach(low, high)
        places = np.floor(some.astype(np.float64) * math.ldexp(1.0, -self.exponent)).astype(np.int64) - self.first
        self.counts += np.bincount(places, minlength=len(self.counts))

    def _reach(self, low: float, high: float) -> None:
        """Widen the bins, and add some, so that these values have a place."""
        if low >= self.low and high <= self.high:
            return
        known = (self.exponent, self.first)
        self.low, self.high = min(low, self.low), max(high, self.high)
        self.exponent = max(_exponent(self.low, self.high), known[0])
        self.first, last = (math.floor(math.ldexp(end, -self.exponent)) for end in (self.low, self.high))
        counts = np.zeros(last - self.first + 1, np.int64)
        if self.counts.any():
            old = (known[1] + np.arange(len(self.counts))) >> (self.exponent - known[0])
            np.add.at(counts, old - self.first, self.counts)
        self.counts = counts


def add_in_forms(value: Array, forms: Sequence[tuple[Histogram, Array | None]], turn: int = 0) -> None:
    """Take an array [images, channels, ...] in several times: as it is, or each channel divided by its own number."""
    rows = value.reshape(*value.shape[:2], -1)
    lows, highs = rows.min(axis=2), rows.max(axis=2)
    if not (np.isfinite(lows).all() and np.isfinite(highs).all()):
        for histogram, divisors in forms:
            histogram.add(rows if divisors is None else rows / divisors[:, None], turn)
        return
    places = _places(value, turn)
    some, channels = value.ravel()[places], np.arange(*places.indices(value.size)) // rows.shape[2] % rows.shape[1]
    for histogram, divisors in forms:
        if divisors is None:
            histogram.count(some, float(lows.min()), float(highs.max()))
        else:
            low, high = (lows / divisors).min(), (highs / divisors).max()
            histogram.count(some / divisors[channels], float(low), float(high))


def mirrored(histogram: Histogram) -> Histogram:
    """Count |x| on both sides of 0, for integers that reach as far below it as above."""
    places = histogram.first + np.arange(len(histogram.counts))
    sizes = np.bincount(np.where(places < 0, -places - 1, places), histogram.counts).astype(np.int64)
    reach = max(abs(histogram.low), abs(histogram.high))
    counts = np.concatenate([sizes[::-1], sizes])
    return Histogram(-reach, reach, histogram.exponent, -len(sizes), counts)


def _exponent(low: float, high: float) -> int:
    """Find the narrowest bins of which few enough cover a range."""
    digits = _magnitude(max(abs(low), abs(high))) - _DIGITS
    exponent = max(digits, _magnitude(high - low) - BINS.bit_length(), _LEAST_EXPONENT)
    while math.floor(math.ldexp(high, -exponent)) - math.floor(math.ldexp(low, -exponent)) >= BINS:
        exponent += 1
    return exponent


def _magnitude(size: float) -> int:
    """Find the least power of two above a size; far below all others where it is 0."""
    return math.frexp(size)[1] if size > 0 else 2 * _LEAST_EXPONENT


def _places(value: Array, turn: int) -> slice:
    """Choose every so many-th value, in steps that do not keep to one column of an image."""
    step = value.size // SAMPLED
    if step < 2:
        return slice(None)
    while math.gcd(step, value.shape[-1]) != 1:
        step += 1
    return slice(turn % step, None, step)
