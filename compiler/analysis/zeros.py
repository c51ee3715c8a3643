"""Single weights to set to zero: which of a layer's weights are smallest, and how many zeros each layer gets."""

import zlib
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from compiler.ir import Array, Op, ProgramView

ZEROS_KEY = "compress.zeros"
"""The program's metadata entry that says that weights which are zero are to stay so."""

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def weight_of(program: ProgramView, op: Op) -> Array | str:
    """Return a layer's weight, or say why its weights cannot be set to zero one by one."""
    weight = program.const(op.input(1))
    if weight is None:
        return "its weight is computed at run time, or stored in another precision"
    if weight.dtype != np.float32:
        return f"its weight is {weight.dtype}"
    readers = program.readers(op.input(1))
    if any(reader.op_type not in WEIGHTED or reader.input(1) != op.input(1) for reader in readers):
        return "its weight is read by other operators too"
    return weight


def input_axis(op: Op, weight: Array) -> int:
    """Tell which axis of a weight runs over what the layer sums over first: the channels that it reads."""
    if op.op_type == "Gemm":
        return 1 if op.integer("transB", 0) else 0
    return {"Conv": 1, "ConvTranspose": 0, "MatMul": max(weight.ndim - 2, 0)}[op.op_type]


def count_zeros(size: int, level: float, way: Fraction) -> int:
    """Count the zeros that a level asks for, this far along the way to it."""
    return int(Fraction(str(level)) * way * size)


def share_out(weights: Mapping[str, Array], zeros: int, max_level: float) -> dict[str, int]:
    """Share a number of zeros out over layers: the smallest weights of all, but never more than `max_level` of one.

    Of equal weights those of earlier layers go first. Memory: all magnitudes once more.
    """
    rows: dict[str, Array] = {name: np.sort(np.abs(weight), axis=None) for name, weight in weights.items()}
    rows = {name: row[: count_zeros(row.size, max_level, Fraction(1))] for name, row in rows.items()}
    pool: Array = np.concatenate([*rows.values(), np.zeros(0, np.float32)])
    zeros = min(zeros, pool.size)
    if zeros == 0:
        return dict.fromkeys(rows, 0)
    border = float(np.partition(pool, zeros - 1)[zeros - 1])
    counts = {name: int((row < border).sum()) for name, row in rows.items()}
    left = zeros - sum(counts.values())
    for name, row in rows.items():
        more = min(left, int((row <= border).sum()) - counts[name])
        counts[name], left = counts[name] + more, left - more
    return counts


def with_zeros(weight: Array, count: int) -> Array:
    """Set the `count` smallest weights to zero; of equal ones the first."""
    found = weight.reshape(-1).copy()
    found[np.argsort(np.abs(found), kind="stable")[:count]] = 0
    return found.reshape(weight.shape)


def with_pattern(weight: Array, axis: int, kept: int, of: int) -> Array:
    """Keep the `kept` largest of every `of` neighbours along an axis, and set the others to zero."""
    moved = np.moveaxis(weight, axis, -1)
    rows = np.array(moved).reshape(-1, of)
    gone = np.argsort(np.abs(rows), axis=1, kind="stable")[:, : of - kept]
    np.put_along_axis(rows, gone, 0, axis=1)
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved.shape), -1, axis))


def packed_bytes(weights: Sequence[Array]) -> int:
    """Count the bytes of weights once packed as gzip does; what an archive of the artifact would hold of them."""
    packer = zlib.compressobj(6)
    return sum(len(packer.compress(np.ascontiguousarray(weight).data)) for weight in weights) + len(packer.flush())
