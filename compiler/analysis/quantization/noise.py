"""How much noise integers add: the signal-to-noise ratio of tensors of one network against the same in another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.ir import Array, ProgramView, model_bytes
from compiler.reference import Session

QUIET = 200.0
"""Stands for no noise at all, in dB."""


def noise_by_tensor(
    exact: ProgramView, noisy: ProgramView, tensors: Sequence[str], samples: Iterable[Mapping[str, Array]]
) -> dict[str, float]:
    """Return 10 log10(signal / noise) in dB for each tensor, over all samples.

    Memory: both models and one sample's activations of each. Raises RefusedError when ONNX Runtime cannot run one.
    """
    sessions = [Session(model_bytes(program, tensors)) for program in (exact, noisy)]
    signal, noise = dict.fromkeys(tensors, 0.0), dict.fromkeys(tensors, 0.0)
    for sample in samples:
        wanted, found = (session.run(sample) for session in sessions)
        for name in tensors:
            true = wanted[name].astype(np.float64)
            signal[name] += float(np.square(true).sum())
            noise[name] += float(np.square(found[name] - true).sum())
    return {name: _decibels(signal[name], noise[name]) for name in tensors}


@dataclass(frozen=True)
class Trial:
    """A few samples, and what a network puts out for each without noise."""

    samples: Sequence[Mapping[str, Array]]
    outputs: Sequence[Mapping[str, Array]]

    def noise_of(self, noisy: ProgramView) -> float:
        """Return the ratio in dB of the output that suffers most. Raises RefusedError."""
        session = Session(model_bytes(noisy))
        signal: dict[str, float] = {}
        noise: dict[str, float] = {}
        for wanted, sample in zip(self.outputs, self.samples, strict=True):
            found = session.run(sample)
            for name, value in wanted.items():
                true = value.astype(np.float64)
                signal[name] = signal.get(name, 0.0) + float(np.square(true).sum())
                noise[name] = noise.get(name, 0.0) + float(np.square(found[name] - true).sum())
        return min(_decibels(signal[name], noise[name]) for name in signal)


def make_trial(exact: ProgramView, samples: Sequence[Mapping[str, Array]]) -> Trial:
    """Run a network on a few samples, and keep what it puts out. Raises RefusedError."""
    session = Session(model_bytes(exact))
    return Trial(samples, [session.run(sample) for sample in samples])


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0:
        return QUIET
    return round(min(QUIET, 10 * float(np.log10(max(signal, 1e-300) / noise))), 2)
