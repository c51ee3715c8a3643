"""Bring images from height, width, channels to channels, height, width at the inputs of a network.

Exporters of TensorFlow and Keras keep the order of their framework, NHWC, at the input and turn it around behind it.
Boards, and all that prepares images here, use NCHW.
"""

from collections.abc import Sequence

from compiler.ir import Op, Program, ProgramView, TensorType, refresh_types
from compiler.rewrites.cancel_transposes import cancel_transposes

_CHANNELS = (1, 3, 4)
_TO_LAST = (0, 2, 3, 1)


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

    A Transpose brings each image back into the old order. It cancels with the network's own, through the arithmetic
    that stands between. Linear in nodes.
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
    refresh_types(program)
    cancel_transposes(program)
    refresh_types(program)
    program.clear_journal()


def _read_instead(program: Program, op: Op, old: str, new: str) -> None:
    """Let a node read another tensor wherever it read this one."""
    for slot, tensor in enumerate(op.inputs):
        if tensor == old:
            program.set_input(op, slot, new)
