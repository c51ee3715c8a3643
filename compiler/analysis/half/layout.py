"""Which layers can compute in half precision, and why the others cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from compiler.analysis.half.ranges import Rounding, rounding_of
from compiler.analysis.half.slots import INDIFFERENT, is_bound, may_be_half
from compiler.ir import Op, ProgramView

_INTEGERS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")


@dataclass(frozen=True)
class HalfLayout:
    """What will be in half precision."""

    halves: tuple[str, ...]
    """Layers that compute in it, in the program's order."""
    floats: dict[str, str]
    """Layers that have no half form here, or that the recipe leaves out, each with the reason."""
    misfits: dict[str, str]
    """Layers whose values do not fit into half precision, each with the reason; they stay in 32 bits as well."""

    def tensors(self, program: ProgramView) -> tuple[str, ...]:
        """Name the computed tensors that would be halves, inputs of the network included."""
        ops = map(program.op, self.halves)
        touched = (name for op in ops for name, _ in half_tensors(program, op))
        return tuple(dict.fromkeys(name for name in touched if not program.is_constant(name)))


def find_half(
    program: ProgramView, chosen: set[str], roundings: Mapping[str, Rounding] | None = None, headroom: float = 1.0
) -> HalfLayout:
    """Decide layer by layer; linear in nodes and weights.

    A layer stays in 32 bits where ONNX has no half form of it, where it computes in integers or sizes, and where a
    constant or a tensor that it reads or writes does not fit: `roundings` holds what images told of tensors. Without
    it nobody looks at values.
    """
    halves: list[str] = []
    floats: dict[str, str] = {}
    misfits: dict[str, str] = {}
    faults = _faults(program, roundings, headroom)
    sizes, made = _sizes(program), set[str]()
    for op in program.each():
        why = _form_fault(program, op)
        if (why is None and not any(half_tensors(program, op))) or op.op_type in INDIFFERENT:
            continue
        if why is None and op.name not in chosen:
            why = "the recipe leaves it in 32 bits"
        if why is None and all(name in sizes for name in (*op.inputs, *op.outputs) if name):
            why = "it computes sizes and places, which 16 bits cannot count beyond 2048"
        if why is None and _only_reads(program, op, made):
            continue  # to round its input for it alone would cost a cast and gain nothing
        if why is not None:
            floats[op.name] = why
        elif (fault := next(_value_faults(program, op, faults), None)) is not None:
            misfits[op.name] = fault
        else:
            halves.append(op.name)
            made.update(name for name, place in half_tensors(program, op) if place < 0)
    return HalfLayout(tuple(halves), floats, misfits)


def half_tensors(program: ProgramView, op: Op) -> Iterator[tuple[str, int]]:
    """Yield the 32-bit tensors of a layer that may be halves with their slots; outputs count on from -1 downwards."""
    slots = may_be_half(op, program.opset)
    if slots is None:
        return
    for place, (name, is_able) in enumerate(zip(op.inputs, slots[0], strict=True)):
        if name and is_able and program.type(name).dtype == np.float32:
            yield name, place
    for place, (name, is_able) in enumerate(zip(op.outputs, slots[1], strict=True)):
        if name and is_able and program.type(name).dtype == np.float32:
            yield name, -1 - place


def _only_reads(program: ProgramView, op: Op, made: set[str]) -> bool:
    """Tell whether a layer writes no float, and reads none that is a half already."""
    tensors = tuple(half_tensors(program, op))
    return all(place >= 0 and name not in made for name, place in tensors)


def _form_fault(program: ProgramView, op: Op) -> str | None:
    """Say why an operator has no half form here; None also for one that touches no floats."""
    if not any(program.type(name).dtype == np.float32 for name in (*op.inputs, *op.outputs, *op.captures) if name):
        return None
    if op.op_type in _INTEGERS or "Integer" in op.op_type or op.op_type.startswith("QLinear"):
        return "it computes in integers"
    if any(isinstance(value, onnx.GraphProto) for value in op.attributes.values()):
        return "it holds the body of a loop or branch, which stays in 32 bits"
    if may_be_half(op, program.opset) is None or not any(half_tensors(program, op)):
        return f"{op.op_type} has no half form in ONNX"
    makers = (program.producer(name) for name in op.inputs if name)
    if any(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers):
        return "it computes in integers"
    return None


def _faults(program: ProgramView, roundings: Mapping[str, Rounding] | None, headroom: float) -> dict[str, str]:
    """Say why tensors do not fit into 16 bits."""
    if roundings is None:
        return {}
    found = {name: why for name, seen in roundings.items() if (why := seen.fault(headroom)) is not None}
    for name in program.constants:
        value = program.const(name)
        if value is not None and value.dtype == np.float32 and (why := rounding_of(value).fault(1.0)) is not None:
            found[name] = why
    return found


def _value_faults(program: ProgramView, op: Op, faults: Mapping[str, str]) -> Iterator[str]:
    """Yield what does not fit into 16 bits."""
    for name, place in half_tensors(program, op):
        is_limit = place >= 0 and program.is_constant(name) and is_bound(op, place)
        if name in faults and not is_limit:
            yield f"{name} {faults[name]}"


def _sizes(program: ProgramView) -> set[str]:
    """Name the tensors that depend on constants and shapes alone, never on what the network is fed."""
    found = set(program.constants)
    for op in program.each():
        is_size = op.op_type in ("Shape", "Size") and not op.domain
        if not op.captures and (is_size or all(name in found for name in op.inputs if name)):
            found.update(name for name in op.outputs if name)
    return found
