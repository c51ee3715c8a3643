"""What values tensors take on calibration images: extremes, histograms of bounded size, means of channels.

One stream over the images, each looked at once. Memory is the model, one image's activations, and 2048 counters for
each tensor, however many images there are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.quantization.histogram import Histogram, add_in_forms
from compiler.ir import Array, ProgramView, runnable_bytes
from compiler.reference import Session

Stream = Callable[[], Iterator[Mapping[str, Array]]]
_AVERAGED, _AVERAGED_EVERY = 16, 4
"""Channels' means are taken from the first images and from every so many-th after those: they settle soon."""
Divisors = Mapping[str, NDArray[np.float32]]
"""For some tensors, what each channel (axis 1) is divided by."""


@dataclass(frozen=True)
class Watch:
    """A network that shows some of its inner tensors, loaded once for all that is to be seen of them."""

    program: ProgramView
    session: Session

    def each(self, samples: Iterable[Mapping[str, Array]]) -> Iterator[dict[str, Array]]:
        """Yield each sample's inputs and what is watched; the next sample overwrites it. Raises RefusedError."""
        return ({**sample, **self.session.rerun(sample)} for sample in samples)


@dataclass(frozen=True)
class Seen:
    """What tensors held."""

    histograms: Mapping[str, Histogram]
    means: Mapping[str, NDArray[np.float64]]
    """For some tensors, the mean of each channel (axis 1)."""


def watch(program: ProgramView, tensors: Iterable[str]) -> Watch:
    """Load a network so that its outputs and these tensors can be seen. Raises RefusedError."""
    shown = [name for name in dict.fromkeys(tensors) if name not in program.inputs]
    return Watch(program, Session(runnable_bytes(program, shown)))


def gather(
    watched: Watch, tensors: Sequence[str], averaged: Sequence[str], stream: Stream, forms: Sequence[Divisors] = ({},)
) -> list[Seen]:
    """Run a network over calibration inputs; gather histograms of tensors, and the channels' means of some.

    That for each of the forms that the network may take, in which some channels are divided by a number. Values that
    are not finite are left out of histograms. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    plain = {name: Histogram() for name in tensors}
    found = [{name: Histogram() if name in form else plain[name] for name in tensors} for form in forms]
    sums: dict[str, NDArray[np.float64]] = {}
    averaged_images = 0
    for count, values in enumerate(watched.each(stream()), 1):
        for name in tensors:
            _add(values[name], [(row[name], form.get(name)) for row, form in zip(found, forms, strict=True)], count)
        if count > _AVERAGED and count % _AVERAGED_EVERY:
            continue
        averaged_images += 1
        for name in averaged:
            mean = _channel_means(values[name])
            sums[name] = sums[name] + mean if name in sums else mean
    means = {name: total / averaged_images for name, total in sums.items()}
    return [
        Seen(row, {name: mean / form.get(name, 1.0) for name, mean in means.items()})
        for row, form in zip(found, forms, strict=True)
    ]


def _add(value: Array, rows: Sequence[tuple[Histogram, Array | None]], turn: int) -> None:
    """Count a tensor's values once for each histogram."""
    once = list({id(histogram): (histogram, divisors) for histogram, divisors in rows}.values())
    if len(once) == 1 and once[0][1] is None:
        once[0][0].add(value, turn)
    else:
        add_in_forms(value, once, turn)


def gather_ranges(program: ProgramView, tensors: Sequence[str], stream: Stream) -> Mapping[str, Histogram]:
    """Gather each tensor's histogram. Raises RefusedError when ONNX Runtime cannot run the network."""
    return gather(watch(program, tensors), tensors, (), stream)[0].histograms


def _channel_means(value: Array) -> NDArray[np.float64]:
    """Average over all axes but the channels'; an image's in 32 bits, as `einsum` adds up in a third of the time."""
    others = tuple(axis for axis in range(value.ndim) if axis != 1)
    return value.mean(axis=others, dtype=np.float64) if value.ndim < 4 else _means_of_images(value)


def _means_of_images(value: Array) -> NDArray[np.float64]:
    rows = value.reshape(*value.shape[:2], -1)
    return np.einsum("nci->nc", rows).astype(np.float64).mean(axis=0) / rows.shape[2]
