"""The geometric-median criterion: a filter that others can stand in for is unimportant (He et al., CVPR 2019)."""

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array


def geometric_median(weight: Array, axis: int) -> NDArray[np.float64]:
    """Sum each filter's Euclidean distances to all filters of its layer: small near the geometric median.

    Quadratic in filters, by the expansion |a - b|^2 = |a|^2 + |b|^2 - 2 a b.
    """
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)
    squares = np.square(rows).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    return np.sqrt(np.maximum(distances, 0.0)).sum(axis=1)
