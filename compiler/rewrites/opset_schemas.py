"""What an older version of ONNX's operator set says of an operator: its element types and its attributes."""

from collections.abc import Iterator

import onnx
import onnx.defs

from compiler.ir import Op, Program


def is_same_form(op: Op, here: int, there: int) -> bool:
    """Tell whether two versions of the operator set hold the very same definition of an operator."""
    if not onnx.defs.has(op.op_type, max_inclusive_version=there):
        return False
    return _schema(op, here).since_version == _schema(op, there).since_version


def refused_type(program: Program, op: Op, opset: int) -> str | None:
    """Name the first element type among a node's tensors that an older version does not take, or None."""
    schema = _schema(op, opset)
    for names, parameters in ((op.inputs, schema.inputs), (op.outputs, schema.outputs)):
        for place, tensor in enumerate(names):
            dtype = program.type(tensor).dtype if tensor else None
            if dtype is None or not parameters:
                continue
            kind = onnx.TensorProto.DataType.Name(onnx.helper.np_dtype_to_tensor_dtype(dtype)).lower()
            if f"tensor({kind})" not in parameters[min(place, len(parameters) - 1)].types:
                return kind
    return None


def added_attributes(op: Op, here: int, there: int) -> Iterator[tuple[str, bool]]:
    """Yield the attributes of a node that an older version lacks, and whether each is at its default."""
    known, schema = _schema(op, there).attributes, _schema(op, here)
    for key, value in op.attributes.items():
        if key in known:
            continue
        stated = schema.attributes.get(key)
        default = (
            onnx.helper.get_attribute_value(stated.default_value) if stated and stated.default_value.name else None
        )
        yield key, _text(value) == _text(default)


def _schema(op: Op, opset: int) -> onnx.defs.OpSchema:
    return onnx.defs.get_schema(op.op_type, opset)


def _text(value: object) -> object:
    """Read strings alike, whether they come as text or as bytes."""
    return value.decode() if isinstance(value, bytes) else value
