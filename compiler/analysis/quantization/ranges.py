"""What values tensors take on calibration images: extremes, histograms of bounded size, means of channels.

One stream over the images, each looked at once. Memory is the model, one image's activations, and 2048 counters for
each tensor, however many images there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.quantization.histogram import Histogram
from compiler.ir import Array, ProgramView, model_bytes
from compiler.reference import Session

Stream = Callable[[], Iterator[Mapping[str, Array]]]


@dataclass(frozen=True)
class Seen:
    """What tensors held."""

    histograms: Mapping[str, Histogram]
    means: Mapping[str, NDArray[np.float64]]
    """For some tensors, the mean of each channel (axis 1)."""


def gather(program: ProgramView, tensors: Sequence[str], averaged: Sequence[str], stream: Stream) -> Seen:
    """Run a network over calibration inputs; gather histograms of tensors, and the channels' means of some.

    Values that are not finite are left out of histograms. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    wanted = [name for name in dict.fromkeys((*tensors, *averaged)) if name not in program.inputs]
    session = Session(model_bytes(program, wanted))
    found = {name: Histogram() for name in tensors}
    sums: dict[str, NDArray[np.float64]] = {}
    count = 0
    for count, feeds in enumerate(stream(), 1):
        values = {**feeds, **session.run(feeds)}
        for name, histogram in found.items():
            histogram.add(values[name], count)
        for name in averaged:
            mean = _channel_means(values[name])
            sums[name] = sums[name] + mean if name in sums else mean
    return Seen(found, {name: total / count for name, total in sums.items()})


def gather_ranges(program: ProgramView, tensors: Sequence[str], stream: Stream) -> Mapping[str, Histogram]:
    """Gather each tensor's histogram. Raises RefusedError when ONNX Runtime cannot run the network."""
    return gather(program, tensors, (), stream).histograms


def _channel_means(value: Array) -> NDArray[np.float64]:
    """Average over all axes but the channels'; the last two in 32 bits, which numpy sums up in pairs."""
    others = tuple(axis for axis in range(value.ndim) if axis != 1)
    return value.mean(axis=others, dtype=np.float64) if value.ndim < 4 else _means_of_images(value)


def _means_of_images(value: Array) -> NDArray[np.float64]:
    rows = value.reshape(*value.shape[:2], -1).mean(axis=2)
    return rows.astype(np.float64).mean(axis=0)
