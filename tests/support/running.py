"""Run programs in ONNX Runtime, and compare what they put out."""

from collections.abc import Mapping

import numpy as np

from compiler.inputs import random_sample
from compiler.ir import Array, Program, model_bytes
from compiler.reference import Session

ROUNDING = 2e-5
"""Largest difference, as a share of an output's range, that counts as float rounding."""
_SMALLEST_RANGE = 1e-3


def feeds_for(program: Program, seed: int = 0) -> dict[str, Array]:
    """Make a seeded input centred on zero, so that activations see both signs."""
    sample = random_sample(program, np.random.default_rng(seed))
    return {name: value - np.asarray(0.5, value.dtype) if value.dtype.kind == "f" else value
            for name, value in sample.items()}  # fmt: skip


def outputs_of(program: Program, feeds: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """Compute a program's outputs without ONNX Runtime's own optimisations."""
    session = Session(model_bytes(program), is_optimised=False)
    return session.run(feeds_for(program) if feeds is None else feeds)


def distance(expected: Mapping[str, Array], found: Mapping[str, Array]) -> float:
    """Measure the largest difference of any output as a share of its range; infinite when names or shapes differ."""
    if expected.keys() != found.keys():
        return float("inf")
    return max((_distance(value, found[name]) for name, value in expected.items()), default=0.0)


def _distance(expected: Array, found: Array) -> float:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return float("inf")
    if expected.size == 0:
        return 0.0
    a, b = expected.astype(np.float64), found.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    finite = a[np.isfinite(a)]
    scale = max(float(np.ptp(finite)), float(np.abs(finite).max()), _SMALLEST_RANGE) if finite.size else 1.0
    with np.errstate(invalid="ignore"):
        worst = float(np.where(same, 0.0, np.abs(a - b)).max()) / scale
    return worst if np.isfinite(worst) else float("inf")
