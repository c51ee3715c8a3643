"""The batchnorm-scale criterion: a filter's importance is its BatchNormalization's scale (Liu et al., ICCV 2017)."""

import numpy as np
from numpy.typing import NDArray

from compiler.ir import BatchNorm, ProgramView


def batchnorm_scale(program: ProgramView, layer: str) -> NDArray[np.float64] | None:
    """Read |scale| of the BatchNormalization that alone reads a layer's output; None when there is none."""
    output = program.op(layer).y
    readers = program.readers(output)
    if len(readers) != 1 or not BatchNorm.fits(readers[0].op_type, readers[0].domain):
        return None
    scale = program.const(readers[0].input(1))
    return None if scale is None else np.abs(scale.astype(np.float64))
