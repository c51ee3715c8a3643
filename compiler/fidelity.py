"""Fidelity: how far a program's outputs are from the source network's, on the same inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.contracts import Sample
from compiler.ir import Array, Program, model_bytes
from compiler.reference import RefusedError, Session


@dataclass(frozen=True)
class Measured:
    """The signal-to-noise ratio in dB over all outputs, None for identical ones, and the largest difference."""

    sqnr_db: float | None
    max_abs_error: float
    relative_error: float
    """The largest difference of any output relative to that output's range."""


class Probe:
    """Remembers a network's outputs on a few inputs, and compares others with them.

    Memory: the outputs for these inputs, plus one loaded model at a time.
    """

    def __init__(self, program: Program, samples: Sequence[Sample]) -> None:
        """Run the reference. Raises RefusedError when ONNX Runtime cannot."""
        self._samples = samples
        self._expected = self.outputs(program)
        self._reference = self._expected

    def outputs(self, program: Program) -> list[dict[str, Array]]:
        """Compute a program's outputs on every sample. Raises RefusedError."""
        session = Session(model_bytes(program))
        return [session.run(sample) for sample in self._samples]

    def compare(self, outputs: list[dict[str, Array]]) -> Measured:
        """Measure the distance from the source network: 10 log10(sum of squares / sum of squared differences)."""
        return _distance(self._expected, outputs)

    def step(self, outputs: list[dict[str, Array]]) -> Measured:
        """Measure the distance from the outputs before the last step, and remember these as the next reference."""
        found = _distance(self._reference, outputs)
        self._reference = outputs
        return found


def make_probe(program: Program, samples: Sequence[Sample]) -> Probe | str:
    """Set up a probe, or say why ONNX Runtime cannot run the network."""
    try:
        return Probe(program, samples)
    except RefusedError as error:
        return str(error)


def _distance(expected: list[dict[str, Array]], found: list[dict[str, Array]]) -> Measured:
    signal = noise = worst = relative = 0.0
    for one, other in zip(expected, found, strict=True):
        for name, value in one.items():
            a, b = value.astype(np.float64), other[name].astype(np.float64)
            if a.shape != b.shape:
                return Measured(None, float("inf"), float("inf"))
            difference = np.where(a == b, 0.0, a - b)
            largest = float(np.abs(difference).max(initial=0.0))
            scale = float(np.abs(a).max(initial=0.0)) or 1.0
            signal, noise = signal + float(np.square(a).sum()), noise + float(np.square(difference).sum())
            worst, relative = max(worst, largest), max(relative, largest / scale)
    sqnr = None if noise == 0.0 else 10 * float(np.log10(max(signal, 1e-300) / noise))
    return Measured(sqnr, worst, relative)
