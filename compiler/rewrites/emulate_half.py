"""Emulate half precision in 32 bits: whatever a layer of 16 bits writes is rounded to 16 bits at once.

A runtime without kernels for 16 bits computes in 32 and drops casts between its layers, so that a network in half
precision seems better there than it is. Here every value is rounded; sums inside a layer stay in 32 bits, as in
kernels that accumulate so.
"""

import numpy as np

from compiler.analysis.cost import PRECISION_KEY
from compiler.analysis.half import find_half
from compiler.ir import Op, Program, TensorType
from compiler.rewrites.half import FLOAT, HALF, to_half

CONVERTER_KEY = "compress.fp16-converter"
"""The program's metadata entry that says who makes the half precision, where it is not the file."""

_SINGLE, _HALF = np.dtype(np.float32), np.dtype(np.float16)


def emulated(program: Program) -> Program | None:
    """Copy a network that is to run in half precision and let the copy round as it would; None for any other."""
    if program.metadata.get(PRECISION_KEY) != "fp16":
        return None
    twin = program.clone()
    if program.metadata.get(CONVERTER_KEY) == "board":
        to_half(twin, find_half(twin, {op.name for op in twin.each()}).halves)
    made = {name for op in twin.each() for name in op.outputs if name and twin.type(name).dtype == _HALF}
    if not made or any(name in made for op in twin.each() for name in op.captures):
        return None
    _widen(twin, made | {name for name in twin.inputs if twin.type(name).dtype == _HALF})
    return twin


def _widen(program: Program, halves: set[str]) -> None:
    """Let every layer compute in 32 bits, and round what was written in 16."""
    fed: dict[str, str] = {}
    stored: dict[str, str] = {}
    ops = list(program.each())
    for name in program.inputs:
        if name in halves:
            fed[name] = program.fresh(f"{name}_float")
            program.add("Cast", [name], [fed[name]], {"to": FLOAT}, name=f"{name}_to_float")
            program.set_type(fed[name], TensorType(_SINGLE, program.type(name).shape))
    for op in ops:
        _read_single(program, op, fed, stored)
        if op.op_type == "Cast" and op.integer("to", 0) == HALF:
            program.set_attribute(op, "to", FLOAT)
        value = op.array("value") if op.op_type == "ConstantOfShape" else None
        if value is not None and value.dtype == _HALF:
            program.set_attribute(op, "value", value.astype(np.float32))
        for tensor in op.outputs:
            if tensor in halves:
                _round(program, op, tensor)


def _read_single(program: Program, op: Op, fed: dict[str, str], stored: dict[str, str]) -> None:
    """Let a layer read 32 bits; constants keep the values that 16 bits left them."""
    for slot, tensor in enumerate(op.inputs):
        value = program.const(tensor) if tensor else None
        if tensor in fed:
            program.set_input(op, slot, fed[tensor])
        elif value is not None and value.dtype == _HALF:
            if tensor not in stored:
                stored[tensor] = program.add_constant(f"{tensor}_float", value.astype(np.float32))
            program.set_input(op, slot, stored[tensor])


def _round(program: Program, op: Op, tensor: str) -> None:
    """Let what a layer writes pass through 16 bits."""
    shape = program.type(tensor).shape
    exact, narrow = program.free_name(tensor, "exact"), program.fresh(f"{tensor}_half")
    program.add("Cast", [exact], [narrow], {"to": HALF}, name=f"{op.name}_narrow")
    program.add("Cast", [narrow], [tensor], {"to": FLOAT}, name=f"{op.name}_widen")
    for name, kind in ((exact, _SINGLE), (narrow, _HALF), (tensor, _SINGLE)):
        program.set_type(name, TensorType(kind, shape))
