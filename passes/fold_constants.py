"""Compute what depends on no input once, at compile time."""

from typing import Any, cast

import numpy as np
import onnx

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Array, Op, Program, TensorType

_LEFT_ALONE = frozenset(
    (
        "Bernoulli",
        "DequantizeLinear",
        "Dropout",
        "Multinomial",
        "QuantizeLinear",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    )
)
_LARGEST = 2**26
_RUNTIMES_DISAGREE = frozenset(("Attention", "MaxUnpool", "Resize", "Upsample"))
_MOVEMENT = frozenset(
    (
        "Cast",
        "Concat",
        "ConstantOfShape",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "Pad",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    )
)


class FoldConstants(Pass):
    """Compute what depends on no input once, at compile time.

    A node whose inputs are all constants is evaluated with ONNX's reference implementation and replaced by its
    result; so is Shape of a tensor whose shape is fixed. Random operators, quantisation of weights and the widening
    of weights that are stored in fewer bits stay: the first must not be frozen, the others are there on purpose.
    Results above 67 million elements stay computed, and so do those that runtimes do not agree on: a resized or
    unpooled tensor, and arithmetic in half precision, which each of them rounds in other places.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Fold in topological order, so that chains fold in one sweep."""
        for op in program.each():
            if op.domain or op.op_type in _LEFT_ALONE or (feeds := _known_inputs(program, op)) is None:
                continue
            if (why := _obstacle(program, op)) is not None:
                log.skip(op, why)
            elif (values := _evaluate(program, op, feeds)) is None:
                log.skip(op, "ONNX's reference implementation cannot evaluate it")
            else:
                program.replace_by_constant(op, values)


def _obstacle(program: Program, op: Op) -> str | None:
    """Say why a node with known inputs has to stay, or None."""
    if any(isinstance(value, onnx.GraphProto) for value in op.attributes.values()):
        return "it runs a graph of its own"
    if any(program.is_output(tensor) for tensor in op.outputs):
        return "its result leaves the network"
    if any(_elements(program, tensor) > _LARGEST for tensor in op.outputs if tensor):
        return f"its result has more than {_LARGEST:,} elements"
    dtype = program.type(op.y).dtype
    is_half = dtype is not None and dtype.itemsize == 2 and dtype.kind not in "iu"
    if op.op_type in _RUNTIMES_DISAGREE or (is_half and op.op_type not in _MOVEMENT):
        return "runtimes do not agree on its result"
    if _widens(program, op):
        return "it widens weights that are stored in fewer bits"
    return None


def _known_inputs(program: Program, op: Op) -> dict[str, Array] | None:
    """Collect a node's input values when all are known; Shape and Size need only the input's shape."""
    if op.op_type in ("Shape", "Size"):
        kind = program.type(op.x)
        if kind.static_shape is None or kind.dtype is None:
            return None
        return {op.x: np.broadcast_to(np.zeros((), kind.dtype), kind.static_shape)}
    feeds: dict[str, Array] = {}
    for tensor in op.inputs:
        value = program.const(tensor)
        if tensor and value is None:
            return None
        if value is not None:
            feeds[tensor] = value
    return feeds


def _widens(program: Program, op: Op) -> bool:
    """Tell whether a node widens a constant that is stored in half precision, on purpose, to save space."""
    return op.op_type == "Cast" and program.type(op.x).dtype == np.float16


def _elements(program: Program, tensor: str) -> int:
    shape = program.shape(tensor)
    return 0 if shape is None else int(np.prod(shape, dtype=np.int64))


def _evaluate(program: Program, op: Op, feeds: dict[str, Array]) -> list[Array] | None:
    """Run one node with numpy; None when the reference implementation lacks the operator or this use of it."""
    from onnx.reference import ReferenceEvaluator

    outputs = [name for name in op.outputs if name]
    declared = [onnx.helper.make_empty_tensor_value_info(name) for name in feeds]
    made = [onnx.helper.make_empty_tensor_value_info(name) for name in outputs]
    node = onnx.helper.make_node(op.op_type, op.inputs, op.outputs, **_protos(cast(Any, op.attributes)))
    graph = onnx.helper.make_graph([node], "one", declared, made)
    opset = onnx.helper.make_opsetid("", program.opset)
    try:
        evaluator = cast(Any, ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=[opset])))
        with np.errstate(all="ignore"):
            found = cast(list[object], evaluator.run(None, feeds))
    except _FAILURES:
        return None
    values = [np.array(cast(Array, value)) for value in found if isinstance(value, (np.ndarray, np.generic))]
    is_whole = len(values) == len(outputs) and all(map(_fits, values, map(program.type, outputs)))
    return values if is_whole else None


_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,  # ONNX's reference raises it for operators that it lacks
    RuntimeError,
    TypeError,
    ValueError,
)


def _fits(value: Array, kind: TensorType) -> bool:
    """Tell whether a value has the type that shape inference promised."""
    is_number = value.dtype.kind not in "OSU"
    return is_number and kind.dtype in (None, value.dtype) and kind.static_shape in (None, value.shape)


def _protos(attributes: dict[str, Any]) -> dict[str, Any]:
    """Turn array attributes into tensors; leave the rest."""
    return {
        key: onnx.numpy_helper.from_array(cast(Array, value)) if isinstance(value, np.ndarray) else value
        for key, value in attributes.items()
    }
