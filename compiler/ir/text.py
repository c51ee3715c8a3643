"""Programs as ONNX text: for dumps, golden files and diffs."""

import math
from collections.abc import Collection

import numpy as np
import onnx
import onnx.parser
import onnx.printer

from compiler.ir.inference import refresh_types
from compiler.ir.onnx_io import from_model, to_model
from compiler.ir.ops import STEERED
from compiler.ir.program import Program

_OPSET = 13
_LONGEST = 256


def parse_program(text: str, seed: int = 0) -> Program:
    """Read ONNX text: a graph alone (opset 13 is assumed) or a whole model; `#` starts a comment line.

    A tensor that is declared between the signature and the body but has no value becomes a constant filled with
    seeded random numbers: positive for what BatchNormalization reads as variance, normal otherwise.
    Raises onnx.parser.ParseError.
    """
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    is_model = lines.lstrip().startswith("<")
    model = onnx.parser.parse_model(lines if is_model else f'<ir_version: 7, opset_import: ["" : {_OPSET}]>\n{lines}')
    _fill(model, np.random.default_rng(seed))
    program = from_model(model)
    refresh_types(program)
    return program


def dump(program: Program) -> str:
    """Print a program as ONNX text without weight values; `parse_program` reads it."""
    return onnx.printer.to_text(_weightless(program).graph)


def _fill(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    """Give every declared but valueless tensor that is read a random value."""
    made = {name for node in model.graph.node for name in node.output}
    made.update(tensor.name for tensor in model.graph.initializer)
    made.update(value.name for value in model.graph.input)
    positive = {node.input[4] for node in model.graph.node if node.op_type == "BatchNormalization"}
    for value in model.graph.value_info:
        if value.name in made:
            continue
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        array = rng.uniform(0.5, 1.5, shape) if value.name in positive else rng.normal(0, 0.5, shape)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(dtype), value.name))


def _weightless(program: Program) -> onnx.ModelProto:
    """Copy the model with weights turned into bare declarations, as the dump shows them.

    What sets the shapes stays: short lists of integers, and the scales and bounds that steer an operator.
    """
    model = to_model(program)
    steering = {name for op in program.each() if op.op_type in STEERED and not op.domain for name in op.inputs[1:]}
    kept = [tensor for tensor in model.graph.initializer if _is_shown(tensor, steering)]
    hidden = sorted((t for t in model.graph.initializer if not _is_shown(t, steering)), key=lambda t: t.name)
    declared = [onnx.helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in hidden]
    del model.graph.initializer[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    model.graph.value_info.extend(declared)
    return model


def _is_shown(tensor: onnx.TensorProto, steering: Collection[str]) -> bool:
    is_float = tensor.data_type in (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.BFLOAT16,
        onnx.TensorProto.DOUBLE,
    )
    return tensor.name in steering or (not is_float and math.prod(tensor.dims) <= _LONGEST)
