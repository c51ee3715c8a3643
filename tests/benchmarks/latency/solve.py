"""The least-squares search, with its types."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]
_SOFT = 0.1
"""Errors beyond this count less, so that no single point rules."""
_untyped = cast("Any", optimize)


def search(misses: Callable[[Floats], Sequence[float] | Floats], first: Floats, *, is_soft: bool) -> Floats:
    """Find logarithms of coefficients that make the misses small."""
    loss = "soft_l1" if is_soft else "linear"
    found = _untyped.least_squares(misses, first, loss=loss, f_scale=_SOFT, max_nfev=80, diff_step=1e-4)
    return np.asarray(found.x, dtype=np.float64)
