"""The L1 criterion: a filter's importance is the sum of its weights' magnitudes (Li et al., ICLR 2017)."""

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array


def l1(weight: Array, axis: int) -> NDArray[np.float64]:
    """Sum |w| over everything but the filter axis, in float64."""
    others = tuple(other for other in range(weight.ndim) if other != axis)
    return np.abs(weight).sum(axis=others, dtype=np.float64)
