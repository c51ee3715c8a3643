"""Checks of a loaded network that ONNX's own checker and shape inference leave out."""

from collections.abc import Callable
from math import prod
from typing import TypeAlias

import onnx
import onnx.shape_inference

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends import onnx_codes as codes
from compiler.ir import Conv, ConvTranspose, Program

MOST_ELEMENTS = 2**31

_Takes: TypeAlias = Callable[[tuple[int, ...], int], int]
"""Reads off a weight's shape and the number of groups how many channels a layer takes."""


def check_sizes(program: Program, label: str) -> None:
    """Refuse tensors that no board could hold, before anything tries to allocate them."""
    for op in program.each():
        for tensor in op.outputs:
            count = prod(program.shape(tensor) or ())
            if count > MOST_ELEMENTS:
                raise _too_large(label, tensor, count, str(op))


def check_foldable_sizes(model: onnx.ModelProto, label: str) -> None:
    """Refuse constants that folding would have to allocate and no board could hold."""
    try:
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return  # said better later on, of the network as it will be used
    makers = {name: f"{node.name} ({node.op_type})" for node in graph.node for name in node.output}
    for value in graph.value_info:
        count = prod(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        if count > MOST_ELEMENTS:
            raise _too_large(label, value.name, count, makers.get(value.name))


def check_known(program: Program, label: str) -> None:
    """Refuse operators of which ONNX knows nothing and the model does not say what they put out."""
    for op in program.each():
        is_open = any(name and program.shape(name) is None for name in op.outputs)
        if is_open and not onnx.defs.has(op.op_type, op.domain):
            said = f"{label}: nothing is known of the operator {op.domain}.{op.op_type}, so neither of what comes after"
            advice = "express it by ONNX's operators, or leave it to the code around the model"
            raise CompressError(Diagnostic(codes.UNKNOWN_OPERATOR, said, advice, layer=str(op)))


def check_channels(program: Program, label: str) -> None:
    """Hold the weights of convolutions against the tensors that they are applied to."""
    for conv in program.each(Conv):
        _compare(program, conv, label, lambda weight, group: weight[1] * group)
    for deconv in program.each(ConvTranspose):
        _compare(program, deconv, label, lambda weight, _: weight[0])


def _compare(program: Program, conv: Conv | ConvTranspose, label: str, takes: _Takes) -> None:
    """Refuse a layer whose weight takes another number of channels, or cannot be split into its groups."""
    weight, source = program.shape(conv.w), program.shape(conv.x)
    if weight is None or source is None or len(weight) < 3 or len(source) < 3:
        return
    taken = takes(weight, conv.group)
    if source[1] == taken and conv.group > 0 and weight[0] % conv.group == 0:
        return
    weights = f"weights of shape {list(weight)} in {conv.group} groups"
    said = f"{label}: {weights} take {taken} channels, and the input has {source[1]}"
    advice = "check the input shape in the recipe, `model: {inputs: ...}`, and the layer named here"
    raise CompressError(Diagnostic(codes.SHAPES, said, advice, layer=str(conv)))


def _too_large(label: str, tensor: str, count: int, layer: str | None) -> CompressError:
    said = f"{label}: {tensor} would hold {count:,} elements, more than the {MOST_ELEMENTS:,} allowed"
    return CompressError(Diagnostic(codes.TOO_LARGE, said, "check the input shape", layer=layer))
