"""Which inputs and outputs of an operator may hold 16-bit floats, by ONNX's own definition of it."""

from functools import cache

import onnx
import onnx.defs

from compiler.ir import Op

_HALF, _FLOAT = "tensor(float16)", "tensor(float)"

INDIFFERENT = ("Shape", "Size")
"""Operators that look at no value, so that any element type will do."""

_BOUNDS: dict[str, tuple[int, ...] | None] = {
    "Clip": (1, 2), "Pad": (2,), "Where": (1, 2), "Max": None, "Min": None,
    "Greater": None, "GreaterOrEqual": None, "Less": None, "LessOrEqual": None,
}  # fmt: skip
"""Inputs that say where numbers end, so that the largest number of 16 bits stands for any beyond it; None is all."""


def may_be_half(op: Op, opset: int) -> tuple[tuple[bool, ...], tuple[bool, ...]] | None:
    """Tell for each input and output whether it may be a half wherever it may be a 32-bit float.

    None for operators that stay as they are: those of other domains, those with bodies, and those whose element type
    is an attribute. A Cast and a ConstantOfShape have theirs changed by the rewrite.
    """
    if op.domain or op.captures or any(isinstance(value, onnx.GraphProto) for value in op.attributes.values()):
        return None
    known = _parameters(op.op_type, opset)
    if known is None:
        return None
    inputs, outputs = known
    return tuple(map(_nth(inputs), range(len(op.inputs)))), tuple(map(_nth(outputs), range(len(op.outputs))))


def is_bound(op: Op, slot: int) -> bool:
    """Tell whether an input only says where numbers end."""
    slots = _BOUNDS.get(op.op_type, ())
    return slots is None or slot in slots


class _nth:  # noqa: N801 - it is used as a function
    """Reads a parameter's flag; the last parameter repeats."""

    def __init__(self, flags: tuple[bool, ...]) -> None:
        self._flags = flags

    def __call__(self, place: int) -> bool:
        return bool(self._flags) and self._flags[min(place, len(self._flags) - 1)]


@cache
def _parameters(op_type: str, opset: int) -> tuple[tuple[bool, ...], tuple[bool, ...]] | None:
    """Read an operator's definition once."""
    if not onnx.defs.has(op_type, max_inclusive_version=opset):
        return None
    schema = onnx.defs.get_schema(op_type, opset)
    has_type = any(key in schema.attributes for key in ("dtype", "output_datatype"))
    if has_type or any("seq(" in kind for item in schema.inputs for kind in item.types if op_type != "Identity"):
        return None
    return tuple(map(_takes_half, schema.inputs)), tuple(map(_takes_half, schema.outputs))


def _takes_half(parameter: onnx.defs.OpSchema.FormalParameter) -> bool:
    return _HALF in parameter.types and _FLOAT in parameter.types
