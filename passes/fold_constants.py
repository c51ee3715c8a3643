"""Compute what depends on no input once, at compile time."""

from typing import Any, cast

import numpy as np
import onnx

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Array, Op, Program

_LEFT_ALONE = frozenset(
    {
        "Bernoulli", "DequantizeLinear", "Multinomial", "QuantizeLinear", "RandomNormal", "RandomNormalLike",
        "RandomUniform", "RandomUniformLike",
    }
)  # fmt: skip
_LARGEST = 2**26


class FoldConstants(Pass):
    """Compute what depends on no input once, at compile time.

    A node whose inputs are all constants is evaluated with ONNX's reference implementation and replaced by its
    result; so is Shape of a tensor whose shape is fixed. Random operators stay, since they must not be frozen, and so do
    quantised or half-precision weights, which are stored small on purpose. Results above 67 million elements stay computed.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Fold in topological order, so that chains fold in one sweep."""
        for op in program.each():
            if op.domain or op.captures or op.op_type in _LEFT_ALONE or any(program.is_output(y) for y in op.outputs):
                continue
            feeds = _known_inputs(program, op)
            if feeds is None or _widens(program, op):
                continue
            if any(_elements(program, y) > _LARGEST for y in op.outputs if y):
                log.skip(op, f"its result has more than {_LARGEST:,} elements")
                continue
            values = _evaluate(program, op, feeds)
            if values is None:
                log.skip(op, "ONNX's reference implementation cannot evaluate it")
                continue
            program.replace_by_constant(op, values)


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

    declared = [onnx.helper.make_empty_tensor_value_info(name) for name in feeds]
    made = [onnx.helper.make_empty_tensor_value_info(name) for name in op.outputs if name]
    attributes = cast(Any, op.attributes)
    node = onnx.helper.make_node(op.op_type, op.inputs, op.outputs, **_protos(attributes))
    graph = onnx.helper.make_graph([node], "one", declared, made)
    opset = onnx.helper.make_opsetid("", program.opset)
    try:
        evaluator = cast(Any, ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=[opset])))
        found = cast(list[Any], evaluator.run(None, feeds))
    except (NotImplementedError, RuntimeError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return [np.array(value) for value in found]


def _protos(attributes: dict[str, Any]) -> dict[str, Any]:
    """Turn array attributes into tensors; leave the rest."""
    return {
        key: onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for key, value in attributes.items()
    }
