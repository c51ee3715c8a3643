"""Sums, differences and products of two tensors of bytes, as the library's NEON kernels of version 20.08 round them.

They compute in 32-bit floats and differ from ONNX Runtime in halves only, which come often, as there are only 256 times
256 pairs of bytes. Of each row, 16 elements at a time are multiplied with the inverse of the step and the offset is
added before halves go to even; what is left of the row is divided by the step, and halves go away from zero before the
offset is added. Where the second tensor of a difference is repeated along rows, the 16 are cut off instead of rounded.
A sum rounds once after the first tensor's scale is multiplied in, as its compiler joined the two; all this was found by
comparison with the compiled library.
"""

from collections.abc import Sequence

import numpy as np

from targets.emitters.acl.exact_chain import Chain
from targets.emitters.acl.integers import Bytes, Grid, grid_at

PAIRS = ("Add", "Sub", "Mul")
_AT_ONCE = 16
_FLOAT, _INT64, _DOUBLE = 1, 7, 11


def write_pair(chain: Chain, found: Bytes) -> None:
    """Compute the bytes of a sum, a difference or a product."""
    op, shape, result = chain.op, chain.twin.shape(chain.op.y), chain.result(found)
    parts = [_part(chain, tensor) for tensor in op.inputs]
    if not shape or result is None or len(parts) != 2 or None in parts:
        return
    width = shape[-1]
    wide = [(chain.twin.shape(tensor) or (1,))[-1] == width for tensor in op.inputs]
    ordered = [part for _, part in sorted(zip(wide, parts, strict=True), key=lambda pair: not pair[0]) if part]
    is_cut_off = op.op_type == "Sub" and not all(wide)
    value = _value(chain, ordered, is_joined=op.op_type != "Mul" and not is_cut_off)
    whole = width // _AT_ONCE * _AT_ONCE
    both = [_at_once(chain, value, result.grid, is_cut_off=is_cut_off), _one_by_one(chain, value, result.grid)]
    steps = chain.add("Where", [chain.const(np.arange(width) < whole), *both])
    chain.end(chain.bounded(steps, result), result.tensor)


def _part(chain: Chain, tensor: str) -> tuple[str, Grid] | None:
    """Write byte - offset in floats, and tell the grid."""
    bytes_, maker = chain.bytes_of(tensor), chain.twin.producer(tensor)
    grid = None if maker is None or bytes_ is None else grid_at(chain.twin, maker)
    if bytes_ is None or grid is None:
        return None
    return chain.add("Sub", [chain.cast(bytes_, _FLOAT), _float(chain, grid.offset)]), grid


def _value(chain: Chain, parts: Sequence[tuple[str, Grid]], *, is_joined: bool) -> str:
    """Combine the two in 32-bit floats; joined, the first product is not rounded, for which 64 bits are enough."""
    (first, grid), (other, other_grid) = parts
    second = chain.add("Mul", [other, _float(chain, other_grid.scale)])
    if not is_joined:
        return chain.add(chain.op.op_type, [chain.add("Mul", [first, _float(chain, grid.scale)]), second])
    scale = chain.const(np.asarray(np.float32(grid.scale), np.float64))
    product = chain.add("Mul", [chain.cast(first, _DOUBLE), scale])
    return chain.cast(chain.add(chain.op.op_type, [product, chain.cast(second, _DOUBLE)]), _FLOAT)


def _at_once(chain: Chain, value: str, grid: Grid, *, is_cut_off: bool) -> str:
    """Multiply with the inverse of the step, add the offset, and take halves to even or cut off."""
    inverse = float(np.float32(1) / np.float32(grid.scale))
    moved = chain.add("Add", [chain.add("Mul", [value, _float(chain, inverse)]), _float(chain, grid.offset)])
    return chain.cast(chain.add("Floor" if is_cut_off else "Round", [moved]), _INT64)


def _one_by_one(chain: Chain, value: str, grid: Grid) -> str:
    """Divide by the step; halves away from zero."""
    steps = chain.cast(chain.add("Div", [value, _float(chain, grid.scale)]), _DOUBLE)
    size = chain.add("Add", [chain.add("Abs", [steps]), chain.const(np.asarray(0.5, np.float64))])
    rounded = chain.add("Mul", [chain.add("Sign", [steps]), chain.add("Floor", [size])])
    return chain.add("Add", [chain.cast(rounded, _INT64), chain.whole(grid.offset)])


def _float(chain: Chain, value: float) -> str:
    return chain.const(np.asarray(value, np.float32))
