"""Write layers in half precision: constants are stored in it, and casts stand where it meets 32 bits, once a tensor."""

from collections.abc import Iterable

import numpy as np

from compiler.analysis.half import INDIFFERENT, LARGEST, half_tensors, is_bound
from compiler.ir import Array, Op, Program, TensorType

HALF, FLOAT = 10, 1
"""ONNX's numbers of the two element types."""

_SINGLE, _HALF_TYPE = np.dtype(np.float32), np.dtype(np.float16)


def to_half(program: Program, halves: Iterable[str]) -> None:
    """Let the named layers compute in half precision; inputs and outputs of the network stay as they are.

    A tensor that leaves the network, or that a loop's body reads, keeps its name and its 32 bits. No tensor is ever
    cast there and back: who can read the half reads it. Linear in nodes and weights.
    """
    casts, chosen = _Casts(program), set(halves)
    ops = [op for op in program.each() if op.op_type not in INDIFFERENT or op.domain]
    places = [{place for _, place in half_tensors(program, op)} if op.name in chosen else set[int]() for op in ops]
    for op, able in zip(ops, places, strict=True):
        _reconnect(program, op, able, casts)
        for place, tensor in enumerate(op.outputs):
            if -1 - place in able:
                _write_half(program, op, place)
                casts.write(op, tensor)


class _Casts:
    """Which name a tensor has in 16 and in 32 bits, as far as it has one yet."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._halves: dict[str, str] = {}
        self._floats: dict[str, str] = {}
        self._constants: dict[tuple[str, bool], str] = {}

    def half(self, tensor: str) -> str:
        """Name the tensor in 16 bits; what a layer of 32 bits wrote is cast."""
        if tensor not in self._halves:
            self._halves[tensor] = self._cast(tensor, "half", HALF)
        return self._halves[tensor]

    def single(self, tensor: str) -> str:
        """Name the tensor in 32 bits; what a layer of 16 bits wrote is cast."""
        return self._floats.get(tensor, tensor) or self._widen(tensor)

    def constant(self, tensor: str, value: Array, *, is_limit: bool) -> str:
        """Store a constant in 16 bits, once; a limit beyond the range becomes the largest number."""
        key = (tensor, is_limit)
        if key not in self._constants:
            kept = np.where(np.isfinite(value), np.clip(value, -LARGEST, LARGEST), value) if is_limit else value
            with np.errstate(over="ignore"):
                narrow = kept.astype(np.float16)
            self._constants[key] = self._program.add_constant(f"{tensor}_half", narrow)
        return self._constants[key]

    def write(self, op: Op, tensor: str) -> None:
        """Note that a layer writes a tensor in 16 bits from now on."""
        program, kind = self._program, self._program.type(tensor)
        if not (program.is_output(tensor) or program.is_captured(tensor)):
            program.set_type(tensor, TensorType(_HALF_TYPE, kind.shape))
            self._halves[tensor], self._floats[tensor] = tensor, ""
            return
        inner = program.free_name(tensor, "half")
        program.set_type(inner, TensorType(_HALF_TYPE, kind.shape))
        program.add("Cast", [inner], [tensor], {"to": FLOAT}, name=f"{op.name}_to_float")
        self._halves[tensor] = inner

    def _widen(self, tensor: str) -> str:
        self._floats[tensor] = self._cast(tensor, "float", FLOAT)
        return self._floats[tensor]

    def _cast(self, tensor: str, word: str, to: int) -> str:
        program = self._program
        name = program.fresh(f"{tensor}_{word}")
        program.add("Cast", [tensor], [name], {"to": to}, name=f"{tensor}_to_{word}")
        program.set_type(name, TensorType(_HALF_TYPE if to == HALF else _SINGLE, program.type(tensor).shape))
        return name


def _reconnect(program: Program, op: Op, able: set[int], casts: _Casts) -> None:
    """Let a layer read 16 bits where it is to, and 32 elsewhere."""
    for slot, tensor in enumerate(op.inputs):
        value = program.const(tensor) if tensor else None
        if value is not None and slot in able:
            program.set_input(op, slot, casts.constant(tensor, value, is_limit=is_bound(op, slot)))
        elif tensor and value is None:
            program.set_input(op, slot, casts.half(tensor) if slot in able else casts.single(tensor))


def _write_half(program: Program, op: Op, place: int) -> None:
    """Bring the attribute that states an output's type up to date, where there is one."""
    if op.op_type == "Cast" and place == 0:
        program.set_attribute(op, "to", HALF)
    elif op.op_type == "ConstantOfShape":
        value = op.array("value")
        program.set_attribute(op, "value", np.zeros(1, _HALF_TYPE) if value is None else value.astype(_HALF_TYPE))
