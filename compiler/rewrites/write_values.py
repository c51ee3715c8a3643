"""Give layers other constants of the same shape: values that were trained, by who reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.ir import Array, Program


@dataclass(frozen=True, eq=False)
class Value:
    """A constant's value, and the layers and input slots that read it."""

    readers: tuple[tuple[str, int], ...]
    array: Array


def write_values(program: Program, values: Sequence[Value]) -> None:
    """Write each value where it differs from what its readers see; what shared a constant goes on sharing it.

    A reader that is not named keeps what it had; an input that a layer did not have, such as a bias, is given to it.
    Linear in the values.
    """
    for value in values:
        layer, slot = value.readers[0]
        tensor = program.op(layer).input(slot)
        if not tensor:
            program.give_const(program.op(layer), slot, value.array)
            continue
        before = program.const(tensor)
        assert before is not None and before.shape == value.array.shape, f"{layer} reads another constant"
        array = value.array.astype(before.dtype)
        if np.array_equal(array, before):
            continue
        if _is_seen_by_others(program, tensor, value.readers):
            own = program.give_const(program.op(layer), slot, array)
            for name, place in value.readers[1:]:
                program.set_input(program.op(name), place, own)
        else:
            program.replace_constant(tensor, array)


def _is_seen_by_others(program: Program, tensor: str, readers: Sequence[tuple[str, int]]) -> bool:
    """Tell whether anything else reads a constant."""
    if program.is_output(tensor) or program.is_captured(tensor):
        return True
    named = set(readers)
    return any(
        (reader.name, slot) not in named
        for reader in program.readers(tensor)
        for slot, name in enumerate(reader.inputs)
        if name == tensor
    )
