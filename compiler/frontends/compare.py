"""Compare two models by running them on the same random input."""

import numpy as np
import onnx

from compiler.ir import Array
from compiler.reference import RefusedError, Session, random_feeds

TOLERANCE = 1e-5
"""Largest difference, relative to an output's range, that still counts as float rounding."""


def worst_error(reference: onnx.ModelProto, candidate: onnx.ModelProto, seed: int = 0) -> float:
    """Return the largest difference of any output, relative to that output's range.

    A candidate that does not run, or puts out other shapes, differs by infinity. Raises RefusedError when the
    reference itself cannot run.
    """
    feeds = random_feeds(_inputs_of(reference), np.random.default_rng(seed))
    expected = Session(reference.SerializeToString(), is_optimised=False).run(feeds)
    try:
        found = Session(candidate.SerializeToString(), is_optimised=False).run(feeds)
    except RefusedError:
        return float("inf")
    if set(expected) - set(found):
        return float("inf")
    return max((relative_error(value, found[name]) for name, value in expected.items()), default=0.0)


def relative_error(expected: Array, found: Array) -> float:
    """Measure the largest difference relative to the expected values' range; infinite when shapes differ."""
    if expected.shape != found.shape:
        return float("inf")
    if expected.size == 0:
        return 0.0
    a, b = expected.astype(np.float64), found.astype(np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
    difference[np.isnan(a) & np.isnan(b) | (a == b)] = 0.0
    finite = a[np.isfinite(a)]
    scale = max(float(np.ptp(finite)), float(np.abs(finite).max()), 1e-12) if finite.size else 1.0
    worst = float(difference.max()) / scale
    return worst if np.isfinite(worst) else float("inf")


def _inputs_of(model: onnx.ModelProto) -> dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]]:
    """Read the element types and shapes of a model's inputs."""
    stored = {tensor.name for tensor in model.graph.initializer}
    kinds = {value.name: value.type.tensor_type for value in model.graph.input if value.name not in stored}
    return {
        name: (
            np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)),
            tuple(dim.dim_value for dim in kind.shape.dim),
        )
        for name, kind in kinds.items()
    }
