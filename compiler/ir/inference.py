"""Shapes and element types, by ONNX's own shape inference on the weightless skeleton of a program."""

from collections.abc import Mapping

import numpy as np
import onnx
import onnx.shape_inference

from compiler.ir.onnx_io import to_skeleton
from compiler.ir.program import Program
from compiler.ir.types import TensorType


def infer_types(program: Program) -> dict[str, TensorType]:
    """Infer the type of every computed tensor anew; cost linear in the graph, whatever the weights weigh.

    Raises onnx.shape_inference.InferenceError when an operator's inputs cannot fit together.
    """
    return infer_types_of(program, to_skeleton(program))


def infer_types_of(program: Program, skeleton: onnx.ModelProto) -> dict[str, TensorType]:
    """Infer on a skeleton that is made already; the skeleton is used up."""
    del skeleton.graph.value_info[:]
    made = {tensor for node in skeleton.graph.node for tensor in node.output}
    for value in skeleton.graph.output:
        if value.name in made:  # an input or a constant may be an output too, and has no other shape than this
            value.type.tensor_type.ClearField("shape")
    # Following values through the graph is for shapes computed in it; elsewhere it would spell out large constants.
    is_computing = any(node.op_type in ("Shape", "Size") for node in skeleton.graph.node)
    inferred = onnx.shape_inference.infer_shapes(skeleton, check_type=True, strict_mode=True, data_prop=is_computing)
    values = (*inferred.graph.value_info, *inferred.graph.output)
    return {value.name: _type_of(value) for value in values if not program.is_constant(value.name)}


def refresh_types(program: Program) -> None:
    """Record what inference finds for every computed tensor.

    What it cannot tell keeps no shape, but for an output of the network: there the model's own word stands.
    """
    record_types(program, infer_types(program))


def record_types(program: Program, inferred: Mapping[str, TensorType]) -> None:
    """Write inferred types into the program."""
    for op in program.each():
        for tensor in op.outputs:
            if not tensor:
                continue
            before = program.type(tensor)
            kind = inferred.get(tensor, TensorType(before.dtype))
            is_lost = kind.static_shape is None and before.static_shape is not None and program.is_output(tensor)
            program.set_type(tensor, TensorType(kind.dtype, before.shape) if is_lost else kind)


def _type_of(value: onnx.ValueInfoProto) -> TensorType:
    """Read a tensor's inferred type."""
    kind = value.type.tensor_type
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)) if kind.elem_type else None
    if not kind.HasField("shape"):
        return TensorType(dtype)
    return TensorType(dtype, tuple(map(_dim_of, kind.shape.dim)))


def _dim_of(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    """Read a dimension; names that inference makes up say nothing."""
    if dim.HasField("dim_value"):
        return dim.dim_value
    return None if dim.dim_param.startswith("unk__") else dim.dim_param or None
