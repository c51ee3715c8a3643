"""Store weights that are mostly zeros as a map of bits and the values that are left, unpacked while the model loads."""

import numpy as np

from compiler.analysis.zeros import ZEROS_KEY
from compiler.ir import Array, Program, ProgramView, TensorType, model_bytes

_OLDEST_OPSET = 11
"""The first with CumSum."""
_DTYPES = ("float32", "float16", "int8", "uint8")
_NODES_BYTES = 1024
"""About what the nodes that unpack one weight take in the file; a weight that would gain less stays as it is."""
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
    filled = int(np.count_nonzero(_bits(value)))
    return (filled + 1) * value.itemsize + (value.size + 7) // 8 + _NODES_BYTES < value.nbytes


def _bits(value: Array) -> Array:
    """Read a tensor's numbers as unsigned integers in one row, by which a negative zero differs from zero."""
    return np.ascontiguousarray(value).reshape(-1).view(f"u{value.itemsize}")


def _unpack(program: Program, name: str, value: Array, shared: dict[str, str]) -> str:
    """Add the nodes that unpack one weight; return the tensor that they make.

    A running sum over the bits numbers the values that are left, from 1; where a bit is not set, number 0 is a zero.
    """
    is_filled = _bits(value) != 0
    left: Array = np.concatenate([np.zeros(1, value.dtype), np.ascontiguousarray(value).reshape(-1)[is_filled]])
    bytes_ = np.packbits(is_filled, bitorder="little").reshape(-1, 1)
    mask = program.add_constant(f"{name}_mask", bytes_)
    values = program.add_constant(f"{name}_values", left)
    size = program.add_constant(f"{name}_size", np.array([value.size], np.int64))
    shape = program.add_constant(f"{name}_shape", np.array(value.shape, np.int64))

    def add(op_type: str, *inputs: str, **attributes: str | int) -> str:
        out = program.fresh(f"{name}_{op_type.lower()}")
        program.add(op_type, inputs, [out], attributes, name=program.fresh_node(f"unpack_{name}_{op_type.lower()}"))
        return out

    shifted = add("BitShift", mask, shared["shifts"], direction="RIGHT")
    bits = add("Reshape", add("Cast", add("Mod", shifted, shared["two"]), to=_INT32), shared["flat"])
    number = add("Mul", add("CumSum", bits, shared["axis"]), bits)
    row = add("Slice", add("Gather", values, number), shared["first"], size)
    return add("Reshape", row, shape)
