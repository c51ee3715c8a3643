"""Bring a network's own inputs and outputs to 16 bits, for programs that keep their tensors in half precision."""

from collections.abc import Iterator

import numpy as np

from compiler.ir import Op, Program, TensorType
from compiler.rewrites.half import FLOAT, HALF

_SINGLE, _HALF_TYPE = np.dtype(np.float32), np.dtype(np.float16)


def to_half_borders(program: Program) -> Iterator[tuple[str, str]]:
    """Let inputs and outputs of 32-bit floats be halves; yield those that stay as they are, with the reason.

    Casts that stood between a border and layers in half precision go; layers in 32 bits get one. Linear in nodes.
    """
    for name in (*program.inputs, *program.outputs):
        kind = program.type(name)
        if kind.dtype != np.float32:
            continue
        if program.is_captured(name):
            yield name, "the body of a loop or branch reads it in 32 bits"
        elif name in program.inputs and program.is_output(name):
            yield name, "it is an input that leaves the network as it came"
        elif name in program.inputs:
            _narrow_input(program, name)
            program.set_type(name, TensorType(_HALF_TYPE, kind.shape))
        elif (maker := program.producer(name)) is None:
            yield name, "it is a constant"
        else:
            _narrow_output(program, name, maker)
            program.set_type(name, TensorType(_HALF_TYPE, kind.shape))


def _narrow_input(program: Program, name: str) -> None:
    """Let layers in half precision read an input as it is, and others through a cast."""
    readers = program.readers(name)
    _widen(program, name, name, tuple(reader for reader in readers if not _is_cast(reader, HALF)))
    for reader in readers:
        if _is_cast(reader, HALF) and not program.is_output(reader.y):
            program.bypass(reader)


def _narrow_output(program: Program, name: str, maker: Op) -> None:
    """Let the last layer write an output in 16 bits, or a cast behind one in 32; who read it reads 32 bits still."""
    readers = program.readers(name)
    source = maker.x if _is_cast(maker, FLOAT) and program.type(maker.x).dtype == np.float16 else None
    if source is not None and not program.is_output(source):
        _widen(program, name, source, readers)
        if program.bypass(maker):
            return
    wide = program.free_name(name)
    for reader in readers:
        _reconnect(program, reader, name, wide)
    program.add("Cast", [wide], [name], {"to": HALF}, name=f"{name}_to_half")


def _widen(program: Program, read: str, source: str, readers: tuple[Op, ...]) -> None:
    """Cast a half back for layers in 32 bits."""
    if not readers:
        return
    wide = program.fresh(f"{read}_float")
    program.add("Cast", [source], [wide], {"to": FLOAT}, name=program.fresh_node(f"{read}_to_float"))
    program.set_type(wide, TensorType(_SINGLE, program.type(read).shape))
    for reader in readers:
        _reconnect(program, reader, read, wide)


def _reconnect(program: Program, reader: Op, old: str, new: str) -> None:
    for slot, tensor in enumerate(reader.inputs):
        if tensor == old:
            program.set_input(reader, slot, new)


def _is_cast(op: Op, to: int) -> bool:
    return op.op_type == "Cast" and not op.domain and op.integer("to", 0) == to
