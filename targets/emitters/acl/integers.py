"""Finds which layers of a network with QuantizeLinear and DequantizeLinear run on bytes, and what the bytes mean.

Between the two operators a tensor is bytes. A layer that reads nothing but DequantizeLinear and whose result goes into
QuantizeLinear takes both in: it is called with the bytes themselves. Layers that only move values pass bytes on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.analysis.quantization import qasymm8_obstacle
from compiler.ir import Array, Op, ProgramView

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_PAIRS = ("Add", "Sum", "Sub", "Mul")
_FUSED = ("Relu", "Clip")
_MOVES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Split", "Slice", "Identity")
_KERNELS = frozenset(
    (*_WEIGHTED, *_PAIRS, *_FUSED, *_MOVES, "Sigmoid", "MaxPool", "GlobalAveragePool", "GlobalMaxPool")
) | {"AveragePool", "Concat", "Resize", "Pad"}
_FREE = frozenset((*_WEIGHTED, *_PAIRS))
"""Layers whose result may have another scale than what they read."""
_LARGEST_FACTOR = 1 - 2**-20


@dataclass(frozen=True)
class Grid:
    """What the bytes of a tensor stand for: scale * (byte - offset)."""

    scale: float
    offset: int


SIGMOID = Grid(1 / 256, 0)
"""What the library's sigmoid writes, whatever it reads."""


@dataclass
class Bytes:
    """What runs on bytes."""

    layers: set[str] = field(default_factory=set[str])
    grids: dict[str, Grid] = field(default_factory=dict[str, Grid])
    """For each tensor that is bytes, by the name of the real tensor that they stand for."""
    quiet: set[str] = field(default_factory=set[str])
    """QuantizeLinear and DequantizeLinear nodes that no call stands for."""


def find_bytes(program: ProgramView) -> Bytes:
    """Walk once against the flow and once along it; linear in nodes."""
    found, wanted = Bytes(), _wanted(program)
    for op in program.each():
        if op.op_type == "DequantizeLinear" and not op.domain:
            grid = grid_at(program, op)
            if grid is not None and not program.is_constant(op.x):
                found.grids[op.y] = grid
        elif _runs(program, op, found, wanted):
            found.layers.add(op.name)
            found.grids |= {output: wanted[output] for output in op.outputs if output in wanted}
            found.grids |= {name: wanted[name] for name in _behind(program, op) if name in wanted}
    _hush(program, found)
    return found


def grid_at(program: ProgramView, op: Op) -> Grid | None:
    """Read the scale and zero point of QuantizeLinear or DequantizeLinear; None unless unsigned and one of each."""
    values = program.consts(op.input(1), op.input(2)) if op.has(2) else None
    if values is None or values[0].size != 1 or values[1].size != 1 or values[1].dtype != np.uint8:
        return None
    return Grid(float(values[0].reshape(())), int(values[1].reshape(())))


def stored(program: ProgramView, tensor: str) -> tuple[Array, Grid | None] | None:
    """Find the integers of a constant behind a DequantizeLinear; those of 32 bits have no grid of their own."""
    maker = program.producer(tensor)
    value = program.const(maker.x) if maker is not None and maker.op_type == "DequantizeLinear" else None
    if maker is None or value is None:
        return None
    if value.dtype == np.int32:
        return value, None
    grid = grid_at(program, maker)
    return None if grid is None or value.dtype != np.uint8 else (value, grid)


def dequantized(program: ProgramView, tensor: str) -> Array | None:
    """Compute the reals that a constant's integers stand for, for a layer in floating point; None for no constant."""
    maker = program.producer(tensor)
    if maker is None or maker.op_type != "DequantizeLinear" or maker.domain:
        return None
    whole, scale = program.const(maker.x), program.const(maker.input(1))
    zero = program.const(maker.input(2)) if maker.has(2) else np.zeros((), np.int32)
    if whole is None or scale is None or zero is None:
        return None
    axis = maker.integer("axis", 1) % max(whole.ndim, 1)
    row = [-1 if scale.size > 1 and place == axis else 1 for place in range(whole.ndim)]
    steps = whole.astype(np.int64) - zero.astype(np.int64).reshape(row if zero.size > 1 else [1] * whole.ndim)
    return (steps * scale.astype(np.float64).reshape(row)).astype(np.float32)


def factor_obstacle(program: ProgramView, op: Op, bytes_: Bytes, result: Grid) -> str | None:
    """Say why a layer's sums cannot be brought to its result's scale, or None."""
    weight = stored(program, op.input(1))
    if weight is None or weight[1] is None:
        return "its weights have not one scale and one zero point"
    factor = np.float32(bytes_.grids[op.x].scale) * np.float32(weight[1].scale) / np.float32(result.scale)
    return (
        None
        if factor <= _LARGEST_FACTOR
        else f"its sums would have to be multiplied by {factor:.3g}, and the library takes less than 1"
    )


def _wanted(program: ProgramView) -> dict[str, Grid]:
    """Map real tensors that only become bytes again, perhaps behind moves, to their grids."""
    wanted: dict[str, Grid] = {}
    for op in reversed(list(program.each())):
        for tensor in op.outputs:
            grid = _wish(program, tensor, wanted) if tensor else None
            if grid is not None:
                wanted[tensor] = grid
    return wanted


def _wish(program: ProgramView, tensor: str, wanted: Mapping[str, Grid]) -> Grid | None:
    """Find the one grid that all readers of a tensor want of it."""
    readers = program.readers(tensor)
    if program.is_output(tensor) or not readers:
        return None
    grids = {_asked(program, reader, wanted) for reader in readers}
    return grids.pop() if len(grids) == 1 else None


def _asked(program: ProgramView, reader: Op, wanted: Mapping[str, Grid]) -> Grid | None:
    """Tell the grid that a reader brings a tensor to."""
    if reader.domain:
        return None
    if reader.op_type == "QuantizeLinear":
        return grid_at(program, reader)
    if reader.op_type in _MOVES:
        grids = {wanted.get(output) for output in reader.outputs if output and program.readers(output)}
        return grids.pop() if len(grids) == 1 else None
    return None


def _runs(program: ProgramView, op: Op, found: Bytes, wanted: Mapping[str, Grid]) -> bool:
    """Tell whether a layer can be called with bytes."""
    if op.domain or op.op_type not in _KERNELS:
        return False
    if op.op_type in _FUSED and op.y in found.grids:
        return True  # the layer before it takes it in
    data = [*_data(program, op)]
    if not data or any(name not in found.grids for name in data):
        return False
    slots = (
        range(1, len(op.inputs)) if op.op_type in _WEIGHTED else range(len(op.inputs)) if op.op_type in _PAIRS else ()
    )
    if any(op.has(slot) and op.input(slot) not in data and stored(program, op.input(slot)) is None for slot in slots):
        return False
    results = [*_behind(program, op)] or [name for name in op.outputs if name and program.readers(name)]
    if not results or any(name not in wanted for name in results) or qasymm8_obstacle(program, op) is not None:
        return False
    grids = {wanted[name] for name in results}
    if op.op_type == "Sigmoid":
        return grids == {SIGMOID}
    return op.op_type in _FREE or {found.grids[name] for name in data} == grids


def _data(program: ProgramView, op: Op) -> Iterator[str]:
    """Yield the computed tensors that a layer works on."""
    slots = op.inputs if op.op_type in (*_PAIRS, "Concat") else op.inputs[:1]
    return (name for name in slots if name and stored(program, name) is None)


def _behind(program: ProgramView, op: Op) -> Iterator[str]:
    """Yield the result of an activation that a layer takes in."""
    if op.op_type in (*_WEIGHTED, *_PAIRS) and program.is_private(op.y):
        reader = program.readers(op.y)[0]
        if reader.op_type in _FUSED and not reader.domain and reader.x == op.y:
            yield reader.y


def _hush(program: ProgramView, found: Bytes) -> None:
    """Find the conversions that vanish: what a layer on bytes writes, and what only such layers read."""
    for op in program.each():
        if op.domain:
            continue
        if op.op_type == "QuantizeLinear":
            maker = program.producer(op.x)
            if maker is not None and maker.name in found.layers:
                found.quiet.add(op.name)
        elif op.op_type == "DequantizeLinear":
            is_read = program.is_output(op.y) or any(r.name not in found.layers for r in program.readers(op.y))
            if not is_read:
                found.quiet.add(op.name)
