"""Sums, differences and products of two tensors of bytes, as the library's NEON kernels of version 20.08 round them.

They compute in 32-bit floats and differ from ONNX Runtime in halves only, which come often, as there are only 256 times
256 pairs of bytes. Of each row, 16 elements at a time are divided by the step by multiplying with its inverse, and the
offset is added in the same rounding, before halves go to even; what is left of the row is divided, and halves go away
from zero before the offset is added.
"""

import numpy as np

from targets.emitters.acl.exact_chain import Chain
from targets.emitters.acl.integers import Bytes, Grid, grid_at

PAIRS = ("Add", "Sub", "Mul")
_AT_ONCE = 16
_FLOAT, _INT64, _DOUBLE = 1, 7, 11


def write_pair(chain: Chain, found: Bytes) -> None:
    """Compute the bytes of a sum, a difference or a product."""
    shape, result = chain.twin.shape(chain.op.y), chain.result(found)
    parts = [_real(chain, tensor) for tensor in chain.op.inputs]
    if not shape or result is None or len(parts) != 2 or None in parts:
        return
    value = chain.add(chain.op.op_type, [part for part in parts if part is not None])
    width, whole = shape[-1], shape[-1] // _AT_ONCE * _AT_ONCE
    if whole == width:
        steps = _at_once(chain, value, result.grid)
    elif whole == 0:
        steps = _one_by_one(chain, value, result.grid)
    else:
        is_whole = chain.const(np.arange(width) < whole)
        both = [_at_once(chain, value, result.grid), _one_by_one(chain, value, result.grid)]
        steps = chain.add("Where", [is_whole, *both])
    chain.end(chain.bounded(steps, result), result.tensor)


def _real(chain: Chain, tensor: str) -> str | None:
    """Write (byte - offset) scale in 32-bit floats."""
    bytes_, maker = chain.bytes_of(tensor), chain.twin.producer(tensor)
    grid = None if maker is None or bytes_ is None else grid_at(chain.twin, maker)
    if bytes_ is None or grid is None:
        return None
    apart = chain.add("Sub", [chain.cast(bytes_, _FLOAT), _float(chain, grid.offset)])
    return chain.add("Mul", [apart, _float(chain, grid.scale)])


def _at_once(chain: Chain, value: str, grid: Grid) -> str:
    """Multiply and add with one rounding to 32 bits, which 64 bits hold exactly; halves to even."""
    inverse = np.float32(1) / np.float32(grid.scale)
    steps = chain.add("Mul", [chain.cast(value, _DOUBLE), chain.const(np.asarray(inverse, np.float64))])
    moved = chain.add("Add", [steps, chain.const(np.asarray(grid.offset, np.float64))])
    return chain.cast(chain.add("Round", [chain.cast(moved, _FLOAT)]), _INT64)


def _one_by_one(chain: Chain, value: str, grid: Grid) -> str:
    """Divide in 32 bits; halves away from zero."""
    steps = chain.cast(chain.add("Div", [value, _float(chain, grid.scale)]), _DOUBLE)
    size = chain.add("Add", [chain.add("Abs", [steps]), chain.const(np.asarray(0.5, np.float64))])
    rounded = chain.add("Mul", [chain.add("Sign", [steps]), chain.add("Floor", [size])])
    return chain.add("Add", [chain.cast(rounded, _INT64), chain.whole(grid.offset)])


def _float(chain: Chain, value: float) -> str:
    return chain.const(np.asarray(value, np.float32))
