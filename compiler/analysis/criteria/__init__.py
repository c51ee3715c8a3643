"""Pruning criteria: a score per filter, higher means more important. One file each."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.criteria.l1 import l1
from compiler.ir import Array

CRITERIA: Mapping[str, Callable[[Array, int], NDArray[np.float64]]] = {"l1": l1}
"""By the recipe's name: a function of a weight and of the axis that its filters lie on."""
