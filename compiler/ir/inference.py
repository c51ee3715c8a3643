"""Shapes and element types, by ONNX's own shape inference on the weightless skeleton of a program."""

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
    skeleton = to_skeleton(program)
    del skeleton.graph.value_info[:]
    for value in skeleton.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(skeleton, check_type=True, strict_mode=True, data_prop=True)
    values = (*inferred.graph.value_info, *inferred.graph.output)
    return {value.name: _type_of(value) for value in values if not program.is_constant(value.name)}


def refresh_types(program: Program) -> None:
    """Record what inference finds for every computed tensor; what it cannot tell keeps no shape."""
    inferred = infer_types(program)
    for op in program.each():
        for tensor in op.outputs:
            if tensor:
                program.set_type(tensor, inferred.get(tensor, TensorType(program.type(tensor).dtype)))


def _type_of(value: onnx.ValueInfoProto) -> TensorType:
    """Read a tensor's inferred type."""
    kind = value.type.tensor_type
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)) if kind.elem_type else None
    if not kind.HasField("shape"):
        return TensorType(dtype)
    dims = (dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None) for dim in kind.shape.dim)
    return TensorType(dtype, tuple(dims))
