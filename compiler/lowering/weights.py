"""Which constants of a program are weights: what training changes, under which key, and who reads each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from compiler.ir import Array, Op, ProgramView
from compiler.lowering.keys import plain_key, weight_key

_SLOTS: Mapping[str, tuple[int, ...]] = {
    "BatchNormalization": (1, 2, 3, 4),
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "DeformConv": (1, 3),
    "Einsum": (0, 1),
    "Gemm": (1, 2),
    "GroupNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "MatMul": (0, 1),
    "PRelu": (1,),
    "RMSNormalization": (1,),
}
_ARITHMETIC = frozenset({"Add", "Div", "Mul", "Sub"})
_FLOATS = frozenset({"bfloat16", "float16", "float32", "float64"})


class Kind(StrEnum):
    """How training changes a weight."""

    PARAMETER = "parameter"
    """By its gradient."""
    STATISTIC = "statistic"
    """By running averages: BatchNormalization's mean and variance."""


@dataclass(frozen=True)
class Weight:
    """A constant that training changes: one entry of the module's state."""

    key: str
    """The parameter's or buffer's name in the module."""
    tensor: str
    """The constant's name in the program."""
    kind: Kind
    readers: tuple[tuple[str, int], ...]
    """Layer and input slot of everything that reads it; a rewrite may rename the constant, but not these."""


def find_weights(program: ProgramView) -> tuple[Weight, ...]:
    """List the program's weights; linear in nodes, and in the sizes of shared ones.

    A constant that several layers read is one weight. Exporters also store equal arrays once, so that biases or
    variances that never were trained share zeros or ones by accident: a constant of one repeated number is therefore
    one weight for each reader, unless the readers share their filters too.
    """
    groups: dict[tuple[str, Kind, str], list[tuple[str, int]]] = {}
    for op in program.each():
        for slot in dict.fromkeys(_weight_slots(program, op)):
            tensor = op.input(slot)
            kind = Kind.STATISTIC if op.op_type == "BatchNormalization" and slot > 2 else Kind.PARAMETER
            groups.setdefault((tensor, kind, _owner(program, op, tensor)), []).append((op.name, slot))
    taken: set[str] = set()
    found: list[Weight] = []
    for (tensor, kind, _), readers in groups.items():
        layer, slot = readers[0]
        key = weight_key(tensor) if tensor not in taken else plain_key("copy", layer, str(slot))
        taken.add(tensor)
        found.append(Weight(key, tensor, kind, tuple(readers)))
    return tuple(_without_clashes(found))


def _weight_slots(program: ProgramView, op: Op) -> Iterator[int]:
    """Yield the input slots in which an operator reads a weight."""
    if op.domain:
        return
    slots = _SLOTS.get(op.op_type, (0, 1) if op.op_type in _ARITHMETIC else ())
    for slot in slots:
        value = program.const(op.input(slot))
        if value is None or value.dtype.name not in _FLOATS:
            continue
        if op.op_type not in _ARITHMETIC or _is_per_channel(program, op, slot, value):
            yield slot


def _is_per_channel(program: ProgramView, op: Op, slot: int, value: Array) -> bool:
    """Tell whether an operand holds one number per channel of what a layer of the network computes.

    The channel is axis 1, and after a matrix product the last one. What meets the network's own input is its
    preprocessing; scalars and whole maps are part of a formula: neither is trained.
    """
    other = op.input(1 - slot)
    shape = program.shape(other)
    maker = program.producer(other)
    if value.size < 2 or shape is None or maker is None or value.ndim > len(shape):
        return False
    axis = len(shape) - 1 if len(shape) == 2 or maker.op_type == "MatMul" else 1
    if len(shape) < 2 or shape[axis] != value.size:
        return False
    return value.ndim >= len(shape) - axis and value.shape[axis - len(shape)] == value.size


def _owner(program: ProgramView, op: Op, tensor: str) -> str:
    """Name what a shared constant belongs to: nothing in particular, the filters beside it, or its reader alone."""
    if len(program.readers(tensor)) < 2:
        return ""
    value = program.const(tensor)
    assert value is not None
    if value.size and not np.all(value == value.flat[0]):
        return ""
    is_bias = op.op_type in ("Conv", "ConvTranspose", "Gemm") and op.input(1) not in ("", tensor)
    return f"beside {op.input(1)}" if is_bias else f"of {op.name}"


def _without_clashes(found: list[Weight]) -> Iterator[Weight]:
    """Give a plain key to a weight whose dotted one is also the folder of others: a and a.b."""
    folders = {key.rsplit(".", count)[0] for key in (w.key for w in found) for count in range(1, key.count(".") + 1)}
    for weight in found:
        key = plain_key("tensor", weight.tensor) if weight.key in folders else weight.key
        yield Weight(key, weight.tensor, weight.kind, weight.readers)
