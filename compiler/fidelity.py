"""Fidelity: how far a program's outputs are from the source network's, on the same inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compiler.codes.plan import NOT_RUNNABLE
from compiler.contracts import Sample
from compiler.data.likeness import Agree, Likeness, input_size
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Array, Program, model_bytes
from compiler.reference import RefusedError, Session, nudged


@dataclass(frozen=True)
class Measured:
    """How far outputs are apart: noise in dB over all of them, None where they are identical, and more."""

    sqnr_db: float | None
    max_abs_error: float
    relative_error: float
    """The largest difference of any output relative to that output's range."""
    cosine: float = 0.0
    """The mean cosine similarity of outputs: 1 for the same direction."""
    agreement: float | None = None
    """The share of the source's detections, or best classes, that are found again; None where nothing tells."""


_FAR = Measured(None, float("inf"), float("inf"))


class Probe:
    """Remembers a network's outputs on a few inputs, and compares others with them.

    Memory: the outputs for these inputs, plus one loaded model at a time.
    """

    def __init__(self, program: Program, samples: Sequence[Sample], agree: Agree | None = None) -> None:
        """Run the reference; `agree` counts equal results. Raises RefusedError when ONNX Runtime cannot."""
        self._samples = samples
        self._agree = agree
        self._expected = self.outputs(program)
        self._reference = self._expected

    def outputs(self, program: Program) -> list[dict[str, Array]]:
        """Compute a program's outputs on every sample. Raises RefusedError."""
        session = Session(model_bytes(program))
        return [session.run(sample) for sample in self._samples]

    def blur(self, program: Program, outputs: list[dict[str, Array]]) -> float:
        """Measure how far inputs that differ by rounding alone move the outputs, relative to their range."""
        session = Session(model_bytes(program))
        return _distance(outputs, [session.run(nudged(sample)) for sample in self._samples]).relative_error

    def compare(self, outputs: list[dict[str, Array]]) -> Measured:
        """Measure the distance from the source network: 10 log10(sum of squares / sum of squared differences)."""
        likeness = Likeness(self._agree)
        for sample, expected, found in zip(self._samples, self._expected, outputs, strict=True):
            likeness.add(expected, found, input_size(sample))
        apart = _distance(self._expected, outputs)
        return replace(apart, cosine=likeness.cosine, agreement=likeness.agreement)

    def step(self, outputs: list[dict[str, Array]]) -> Measured:
        """Measure the distance from the outputs before the last step, and remember these as the next reference."""
        found = _distance(self._reference, outputs)
        self._reference = outputs
        return found


def make_probe(program: Program, samples: Sequence[Sample], agree: Agree | None = None) -> Probe:
    """Set up a probe. Raises CompressError when ONNX Runtime cannot run the network."""
    try:
        return Probe(program, samples, agree)
    except RefusedError as error:
        advice = "check the model with the tool that exported it, and the input shape in the recipe"
        fault = Diagnostic(NOT_RUNNABLE, f"ONNX Runtime cannot run the network: {error}", advice)
        raise CompressError(fault) from error


def _distance(expected: list[dict[str, Array]], found: list[dict[str, Array]]) -> Measured:
    """Measure over all samples and outputs; a value that is finite in one and not in the other is infinitely far."""
    signal = noise = worst = relative = 0.0
    for one, other in zip(expected, found, strict=True):
        for name, value in one.items():
            if name not in other or value.shape != other[name].shape:
                return _FAR
            a, difference = value.astype(np.float64), _gaps(value, other[name])
            largest = float(difference.max(initial=0.0))
            if not np.isfinite(largest):
                return _FAR
            known = a[np.isfinite(a)]
            scale = float(np.abs(known).max(initial=0.0)) or 1.0
            signal, noise = signal + float(np.square(known).sum()), noise + float(np.square(difference).sum())
            worst, relative = max(worst, largest), max(relative, largest / scale)
    sqnr = None if noise == 0.0 else 10 * float(np.log10(max(signal, 1e-300) / noise))
    return Measured(sqnr, worst, relative)


def _gaps(value: Array, other: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Subtract, value by value; two NaNs or two equal infinities are no gap, one alone is an infinite one."""
    a, b = value.astype(np.float64), other.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        gaps = np.where(same, 0.0, np.abs(a - b))
    return np.where(np.isnan(gaps), np.inf, gaps)
