"""How much noise integers add: the signal-to-noise ratio of tensors of one network against the same in another."""

from collections.abc import Iterable, Mapping, Sequence

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


def noise_overall(exact: ProgramView, noisy: ProgramView, samples: Iterable[Mapping[str, Array]]) -> float:
    """Return the ratio in dB of the output that suffers most."""
    return min(noise_by_tensor(exact, noisy, exact.outputs, samples).values())


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0:
        return QUIET
    return round(min(QUIET, 10 * float(np.log10(max(signal, 1e-300) / noise))), 2)
