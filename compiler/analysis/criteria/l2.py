"""The L2 criterion: a filter's importance is the Euclidean norm of its weights."""

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array


def l2(weight: Array, axis: int) -> NDArray[np.float64]:
    """Take the root of the sum of squares over everything but the filter axis, in float64."""
    others = tuple(other for other in range(weight.ndim) if other != axis)
    return np.sqrt(np.square(weight, dtype=np.float64).sum(axis=others))
