"""What values tensors take on calibration images, as histograms of bounded size.

Two streams over the images: the first finds each tensor's least and largest value, the second counts. Memory is the
model, one image's activations, and 2048 counters for each tensor, however many images there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array, ProgramView, model_bytes
from compiler.reference import Session

BINS = 2048


@dataclass
class Histogram:
    """How often a tensor's values fell into each of equally wide bins between its extremes."""

    low: float
    high: float
    counts: NDArray[np.int64]

    @property
    def edges(self) -> NDArray[np.float64]:
        """Give the bins' borders, one more than bins."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Give the bins' middles."""
        edges = self.edges
        return (edges[:-1] + edges[1:]) / 2

    def add(self, value: Array) -> None:
        """Count an array's values."""
        found, _ = np.histogram(value, bins=len(self.counts), range=(self.low, self.high))
        self.counts += found


def mirrored(histogram: Histogram) -> Histogram:
    """Count |x| on both sides of 0, for integers that reach as far below it as above."""
    reach = max(abs(histogram.low), abs(histogram.high))
    sizes = np.abs(histogram.centres)
    counts, _ = np.histogram(sizes, bins=len(histogram.counts) // 2, range=(0.0, reach), weights=histogram.counts)
    return Histogram(-reach, reach, np.concatenate([counts[::-1], counts]).astype(np.int64))


def gather_ranges(
    program: ProgramView, tensors: Sequence[str], stream: Callable[[], Iterator[Mapping[str, Array]]]
) -> dict[str, Histogram]:
    """Run a network over calibration inputs and gather each tensor's histogram.

    Values that are not finite are left out. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    session = Session(model_bytes(program, tensors))
    found: dict[str, Histogram] = {}
    for tensor, value in _values(session, tensors, stream):
        known = found.get(tensor)
        low, high = float(value.min(initial=np.inf)), float(value.max(initial=-np.inf))
        if known is None:
            found[tensor] = Histogram(low, high, np.zeros(BINS, dtype=np.int64))
        else:
            known.low, known.high = min(known.low, low), max(known.high, high)
    for histogram in found.values():
        if not histogram.low < histogram.high:
            histogram.high = histogram.low + max(abs(histogram.low), 1.0) * 1e-6
    for tensor, value in _values(session, tensors, stream):
        found[tensor].add(value)
    return found


def gather_means(
    program: ProgramView, tensors: Sequence[str], stream: Callable[[], Iterator[Mapping[str, Array]]]
) -> dict[str, NDArray[np.float64]]:
    """Run a network over calibration inputs and return each tensor's mean for every channel (axis 1).

    Raises RefusedError when ONNX Runtime cannot run the network.
    """
    session = Session(model_bytes(program, tensors))
    sums: dict[str, NDArray[np.float64]] = {}
    count = 0
    for feeds in stream():
        values = {**feeds, **session.run(feeds)}
        count += 1
        for tensor in tensors:
            value = values[tensor].astype(np.float64)
            mean = value.mean(axis=tuple(axis for axis in range(value.ndim) if axis != 1))
            sums[tensor] = sums.get(tensor, np.zeros_like(mean)) + mean
    return {tensor: total / count for tensor, total in sums.items()}


def _values(
    session: Session, tensors: Sequence[str], stream: Callable[[], Iterator[Mapping[str, Array]]]
) -> Iterator[tuple[str, Array]]:
    """Yield each tensor's finite values, image by image."""
    for feeds in stream():
        values = {**feeds, **session.run(feeds)}
        for tensor in tensors:
            value = values[tensor]
            yield tensor, value[np.isfinite(value)]
