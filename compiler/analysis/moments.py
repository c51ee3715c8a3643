"""Mean and variance of tensors' channels over images, as BatchNormalization needs them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array, ProgramView, runnable_bytes
from compiler.reference import Session

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """What a tensor's channels hold on average, pooled over images and pixels."""

    count: int
    """Values seen in each channel."""
    mean: Floats
    var: Floats
    """Population variance."""

    def __add__(self, other: "Moments") -> "Moments":
        """Pool two sets of values, without the cancellation that sums of squares suffer from."""
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        spread = self.var * self.count + other.var * other.count + step**2 * (self.count * other.count / count)
        return Moments(count, mean, spread / count)


def moments_of(value: Array) -> Moments:
    """Take the moments of one tensor of shape [batch, channels, ...], in float64."""
    rows = np.moveaxis(value, 1, 0).reshape(value.shape[1], -1).astype(np.float64)
    return Moments(rows.shape[1], rows.mean(axis=1), rows.var(axis=1))


def channel_moments(
    program: ProgramView, tensors: Sequence[str], samples: Iterable[Mapping[str, Array]]
) -> dict[str, Moments]:
    """Run the network over inputs and pool each tensor's moments; empty without inputs.

    Memory: the model and one input's activations. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    session = Session(runnable_bytes(program, tensors))
    found: dict[str, Moments] = {}
    for sample in samples:
        values = session.run(sample)
        for tensor in tensors:
            seen = moments_of(values[tensor])
            found[tensor] = found[tensor] + seen if tensor in found else seen
    return found
