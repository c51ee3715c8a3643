"""Bring images from height, width, channels to channels, height, width at the inputs of a network.

Exporters of TensorFlow and Keras keep the order of their framework, NHWC, at the input and turn it around behind it.
Boards, and all that prepares images here, use NCHW.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from compiler.ir import Array, Op, Program, ProgramView, TensorType, refresh_types

_CHANNELS = (1, 3, 4)
_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
_ALONE = ("Abs", "Cast", "Clip", "LeakyRelu", "Neg", "Relu", "Sigmoid", "Sqrt", "Tanh")
"""Operators that treat each element by itself, and have no further input but settings."""
_PAIRS = ("Add", "Div", "Mul", "Sub")


def images_with_channels_last(program: ProgramView) -> list[str]:
    """Name the inputs that can hold an image whose channels come last: [batch, height, width, 1, 3 or 4]."""
    shapes = {name: program.shape(name) or () for name in program.inputs}
    return [
        name
        for name, shape in shapes.items()
        if len(shape) == 4 and shape[3] in _CHANNELS and not program.is_output(name) and not program.is_captured(name)
    ]


def put_channels_first(program: Program, names: Sequence[str]) -> None:
    """Let inputs take their channels first; the outputs are those of the images in the other order, bit for bit.

    A Transpose brings each image back into the old order. It moves behind the arithmetic with constants that follows,
    and goes where the network turns the image around itself. Linear in nodes.
    """
    for name in names:
        kind = program.type(name)
        assert kind.static_shape is not None
        batch, height, width, channels = kind.static_shape
        readers = program.readers(name)
        back = program.add(
            "Transpose", [name], [program.fresh(f"{name}_nhwc")], {"perm": list(_TO_LAST)}, name=f"{name}_to_nhwc"
        )
        for reader in readers:
            _read_instead(program, reader, name, back.y)
        program.set_type(back.y, kind)
        program.set_type(name, TensorType(kind.dtype, (batch, channels, height, width)))
        _settle(program, back)
    program.clear_journal()
    refresh_types(program)


def _read_instead(program: Program, op: Op, old: str, new: str) -> None:
    """Let a node read another tensor wherever it read this one."""
    for slot, tensor in enumerate(op.inputs):
        if tensor == old:
            program.set_input(op, slot, new)


def _settle(program: Program, turn: Op) -> None:
    """Move a Transpose down as far as it goes, and out where it meets its opposite."""
    while (op := _movable(program, turn)) is not None:
        turn = _swapped(program, turn, op)
    for reader in _opposites(program, turn):
        program.retype(reader, "Identity", [turn.x])  # the clean-ups take it out
    if not program.readers(turn.y) and not program.is_output(turn.y):
        program.remove(turn)


def _opposites(program: Program, turn: Op) -> Iterator[Op]:
    """Find the nodes that turn the image around again."""
    for reader in program.readers(turn.y):
        if reader.op_type == "Transpose" and not reader.domain and reader.integers("perm") == _TO_FIRST:
            yield reader


def _movable(program: Program, turn: Op) -> Op | None:
    """Find the one node behind a Transpose, if that can be done on channels first as well."""
    if not program.is_private(turn.y):
        return None
    op = program.readers(turn.y)[0]
    rest = [tensor for tensor in op.inputs if tensor and tensor != turn.y]
    if op.domain or program.is_output(op.y) or not all(program.is_constant(tensor) for tensor in rest):
        return None
    if op.op_type in _ALONE:
        return op if op.x == turn.y else None
    is_narrow = all(len(program.shape(tensor) or ()) <= 4 for tensor in rest)
    return op if op.op_type in _PAIRS and len(rest) == 1 and is_narrow else None


def _swapped(program: Program, turn: Op, op: Op) -> Op:
    """Let a node work on the image before it is turned, and turn its result instead."""
    dtype = program.type(op.y).dtype
    last, first = program.type(turn.y).static_shape, program.type(turn.x).static_shape
    if op.op_type in _PAIRS:
        slot = 1 - op.inputs.index(turn.y)
        value = program.const(op.input(slot))
        assert value is not None
        program.give_const(op, slot, _turned(value))
    _read_instead(program, op, turn.y, turn.x)
    program.remove(turn)
    moved = program.insert_after(op, "Transpose", [], {"perm": list(_TO_LAST)}, name=program.fresh_node(turn.name))
    program.set_type(op.y, TensorType(dtype, first))
    program.set_type(moved.y, TensorType(dtype, last))
    return moved


def _turned(value: Array) -> Array:
    """Bring a constant that is spread over the image into the other order; a number stays one."""
    if value.size == 1:
        return value.reshape(())
    return np.ascontiguousarray(value.reshape((1,) * (4 - value.ndim) + value.shape).transpose(_TO_FIRST))
