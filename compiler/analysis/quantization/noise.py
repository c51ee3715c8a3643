"""How much noise integers add: the signal-to-noise ratio of tensors of one network against the same in another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.analysis.quantization.ranges import Divisors, Watch, watch
from compiler.ir import Array, ProgramView, runnable_bytes
from compiler.reference import Session

QUIET = 200.0
"""Stands for no noise at all, in dB."""


def noise_by_tensor(
    exact: Watch, noisy: ProgramView, tensors: Sequence[str], samples: Iterable[Mapping[str, Array]], divisors: Divisors
) -> dict[str, float]:
    """Return 10 log10(signal / noise) in dB for each of the watched tensors, over all samples.

    `divisors` tells by what the noisy network has some channels divided.
    Memory: both models and one sample's activations of each. Raises RefusedError when ONNX Runtime cannot run one.
    """
    watched = watch(noisy, tensors)
    signal, noise = dict.fromkeys(tensors, 0.0), dict.fromkeys(tensors, 0.0)
    for wanted, found in zip(exact.each(samples), watched.each(samples), strict=True):
        for name in tensors:
            true = wanted[name]
            if name in divisors:
                true = true / divisors[name].reshape(-1, *(1,) * (true.ndim - 2))
            signal[name] += _energy(true)
            noise[name] += _energy(found[name], true)
    return {name: _decibels(signal[name], noise[name]) for name in tensors}


@dataclass(frozen=True)
class Trial:
    """A few samples, and what a network puts out for each without noise."""

    samples: Sequence[Mapping[str, Array]]
    outputs: Sequence[Mapping[str, Array]]

    def noise_of(self, noisy: ProgramView) -> float:
        """Return the ratio in dB of the output that suffers most. Raises RefusedError."""
        session = Session(runnable_bytes(noisy))
        signal: dict[str, float] = {}
        noise: dict[str, float] = {}
        for wanted, sample in zip(self.outputs, self.samples, strict=True):
            found = session.rerun(sample)
            for name, value in wanted.items():
                signal[name] = signal.get(name, 0.0) + _energy(value)
                noise[name] = noise.get(name, 0.0) + _energy(found[name], value)
        return min(_decibels(signal[name], noise[name]) for name in signal)


def make_trial(exact: Watch, samples: Sequence[Mapping[str, Array]]) -> Trial:
    """Run a network on a few samples, and keep what it puts out. Raises RefusedError."""
    outputs = exact.program.outputs
    return Trial(samples, [{name: values[name].copy() for name in outputs} for values in exact.each(samples)])


def _energy(value: Array, less: Array | None = None) -> float:
    """Add up the squares of a tensor, or of its difference to another; the rows of floats in their own precision."""
    rows = np.atleast_1d(_real(value) if less is None else _real(value) - _real(less))
    return float(np.einsum("...i,...i->...", rows, rows).sum(dtype=np.float64))


def _real(value: Array) -> Array:
    return value if value.dtype.kind == "f" else value.astype(np.float64)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0:
        return QUIET
    return round(min(QUIET, 10 * float(np.log10(max(signal, 1e-300) / noise))), 2)
