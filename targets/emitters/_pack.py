"""Store weights that are mostly zeros as a map of bits and the values that are left; whoever loads them unpacks them.

In `model.onnx` ONNX's own operators do that, and in a kit whose weights are files the kit's program.
"""

import numpy as np

from compiler.analysis.zeros import ZEROS_KEY
from compiler.ir import Array, Op, Program, ProgramView, TensorType, model_bytes

_OLDEST_OPSET = 11
"""The first with CumSum."""
_DTYPES = ("float32", "float16", "int8", "uint8")
_UNPACKER_BYTES = 1024
"""About what it takes in the file to unpack one weight; a weight that would gain less stays as it is."""
_STEM = "unpack"
_INT32 = 6
"""ONNX's number for 32-bit integers."""


def packed(program: Program) -> Program:
    """Pack the weights of a network that `weight-prune` has been at, each where that is smaller; else return it as is.

    Operators of ONNX's own unpack them, and read nothing but constants: ONNX Runtime computes them once while it loads
    the model, and then has the weights bit for bit. A negative zero is no zero. Linear in the weights' bytes.
    """
    names = [name for name in program.constants if _is_worth_it(program, name)]
    if ZEROS_KEY not in program.metadata or program.opset < _OLDEST_OPSET or not names:
        return program
    twin = program.clone()
    shared = {
        "shifts": twin.add_constant("unpack_shifts", np.arange(8, dtype=np.uint8)),
        "two": twin.add_constant("unpack_two", np.array(2, np.uint8)),
        "flat": twin.add_constant("unpack_flat", np.array([-1], np.int64)),
        "first": twin.add_constant("unpack_first", np.array([0], np.int64)),
        "axis": twin.add_constant("unpack_axis", np.array(0, np.int32)),
    }
    for name in names:
        value = twin.const(name)
        assert value is not None
        unpacked = _unpack(twin, name, value, shared)
        twin.set_type(unpacked, TensorType(value.dtype, value.shape))
        for op in twin.readers(name):
            for slot, tensor in enumerate(tuple(op.inputs)):
                if tensor == name:
                    twin.set_input(op, slot, unpacked)
    twin.drop_unused()
    return twin if len(model_bytes(twin)) < len(model_bytes(program)) else program


def _is_worth_it(program: ProgramView, name: str) -> bool:
    """Tell whether a constant is stored smaller without its zeros, and read by plain nodes only."""
    value = program.const(name)
    if value is None or value.dtype.name not in _DTYPES or program.is_output(name) or program.is_captured(name):
        return False
    return is_smaller_packed(value)


def is_smaller_packed(value: Array) -> bool:
    """Tell whether a tensor is stored smaller as a map of bits and the rest."""
    bits, left = map_and_rest(value)
    return bits.nbytes + left.nbytes + _UNPACKER_BYTES < value.nbytes


def map_and_rest(value: Array) -> tuple[Array, Array]:
    """Split a tensor into a map of bits, the lowest first, and the usual number with all that are something else.

    The usual number is zero, and among bytes the most frequent: a zero may be stored as any byte. Numbers are told
    apart by their bits, so that a negative zero is no zero. Linear in the tensor.
    """
    row = np.ascontiguousarray(value).reshape(-1).view(f"u{value.itemsize}")
    usual = np.argmax(np.bincount(row, minlength=256)) if value.itemsize == 1 else 0
    first, is_else = np.array([usual], row.dtype), row != usual
    return np.packbits(is_else, bitorder="little"), np.concatenate([first, row[is_else]]).view(value.dtype)


def unpacked(program: Program) -> Program:
    """Put the weights of a packed network back, in a copy; return another network as it is."""
    makers = [op for op in program.each() if op.op_type == "Reshape" and op.name.startswith(f"{_STEM}_")]
    if not makers:
        return program
    twin = program.clone()
    for maker in makers:
        value = _value_of(program, maker)
        if value is None:
            continue
        for op in twin.readers(maker.y):
            for slot, tensor in enumerate(tuple(op.inputs)):
                if tensor == maker.y:
                    twin.give_const(op, slot, value)
    for op in reversed(list(twin.each())):
        if op.name.startswith(f"{_STEM}_") and not twin.readers(op.y):
            twin.remove(op)
    twin.drop_unused()
    return twin


def _value_of(program: Program, maker: Op) -> Array | None:
    """Compute what the nodes before a packed weight's last one make; None of the others of its kind."""
    chain = [maker]
    for op_type, slot in (
        ("Slice", 0),
        ("Gather", 0),
        ("Mul", 1),
        ("Reshape", 1),
        ("Cast", 0),
        ("Mod", 0),
        ("BitShift", 0),
    ):
        before = program.producer(chain[-1].input(slot))
        if before is None or before.op_type != op_type:
            return None
        chain.append(before)
    consts = program.consts(chain[2].input(0), chain[-1].input(0), maker.input(1))
    if consts is None:
        return None
    left, bits, shape = consts
    numbers = np.unpackbits(bits.reshape(-1), bitorder="little")[: int(np.prod(shape))].astype(np.int64)
    return left[np.cumsum(numbers) * numbers].reshape(shape)


def _unpack(program: Program, name: str, value: Array, shared: dict[str, str]) -> str:
    """Add the nodes that unpack one weight; return the tensor that they make.

    A running sum over the bits numbers the values that are left, from 1; where a bit is not set, number 0 is a zero.
    """
    bits_, left = map_and_rest(value)
    mask = program.add_constant(f"{name}_mask", bits_.reshape(-1, 1))
    values = program.add_constant(f"{name}_values", left)
    size = program.add_constant(f"{name}_size", np.array([value.size], np.int64))
    shape = program.add_constant(f"{name}_shape", np.array(value.shape, np.int64))

    def add(op_type: str, *inputs: str, **attributes: str | int) -> str:
        out = program.fresh(f"{name}_{op_type.lower()}")
        program.add(op_type, inputs, [out], attributes, name=program.fresh_node(f"{_STEM}_{name}_{op_type.lower()}"))
        return out

    shifted = add("BitShift", mask, shared["shifts"], direction="RIGHT")
    bits = add("Reshape", add("Cast", add("Mod", shifted, shared["two"]), to=_INT32), shared["flat"])
    number = add("Mul", add("CumSum", bits, shared["axis"]), bits)
    row = add("Slice", add("Gather", values, number), shared["first"], size)
    return add("Reshape", row, shape)
