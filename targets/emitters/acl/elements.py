"""Arithmetic, matrices and normalizations as calls of the builder."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Array, Op
from targets.emitters.acl.activations import NO_ACTIVATION, activate, between, clamp, fused_activation, linear
from targets.emitters.acl.steps import Code, Draft, Unwritable, Weight, scalar

_KINDS = {
    "Add": "add",
    "Sum": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Max": "maximum",
    "Min": "minimum",
}


def arithmetic(draft: Draft, op: Op) -> None:
    """Write an operation on two tensors, or on a tensor and a number."""
    if len(op.inputs) == 1:
        draft.aliases[op.y] = draft.ref(op.x).tensor
        return
    if len(op.inputs) != 2:
        raise Unwritable(f"it takes {len(op.inputs)} tensors, and the library 2 at a time", "combine two at a time")
    if _with_number(draft, op):
        return
    kind = Code(f"Arithmetic::{_KINDS[op.op_type]}")
    if draft.is_on_bytes:
        _on_bytes(draft, op, kind)
        return
    draft.add("arithmetic", op, (kind, draft.ref(op.x), draft.ref(op.input(1)), draft.form(op.y)))


def _on_bytes(draft: Draft, op: Op, kind: Code) -> None:
    """Write an operation on bytes; version 19.05 repeats a tensor along rows rightly only if it is the second."""
    _, result, follower = found = fused_activation(draft, op)
    first, second = op.inputs
    width = draft.shape(op.y)[-1:]
    if draft.shape(first)[-1:] != width:
        if op.op_type == "Sub":
            raise Unwritable("it repeats what it subtracts from", "exchange the two, or leave the layer out of ptq")
        first, second = second, first
    draft.add("arithmetic", op, (kind, draft.ref(first), draft.ref(second), draft.form(result)), result)
    clamp(draft, result, found[0], follower)


def _with_number(draft: Draft, op: Op) -> bool:
    """Write arithmetic with one number as an activation, if it is that."""
    for place in (0, 1):
        value = None if draft.is_on_bytes else scalar(draft.real(op.input(place)))
        other = op.input(1 - place)
        if value is None or draft.program.is_constant(other) or draft.shape(other) != draft.shape(op.y):
            continue
        what = _as_activation(op.op_type, value, is_first=place == 0)
        if what is None or not np.isfinite(np.float32(value)):
            return False
        activate(draft, op, other, what)
        return True
    return False


def _as_activation(op_type: str, value: float, *, is_first: bool) -> Code | None:
    """Describe arithmetic with one number."""
    if op_type in ("Add", "Sum"):
        return linear(1, value)
    if op_type == "Mul":
        return linear(value, 0)
    if op_type == "Sub":
        return linear(-1, value) if is_first else linear(1, -value)
    if op_type == "Max":
        return between(value, np.inf)
    if op_type == "Min":
        return between(-np.inf, value)
    return None


def exponential(draft: Draft, op: Op) -> None:
    """Write e to the power of a tensor."""
    draft.add("exponential", op, (draft.ref(op.x), draft.form(op.y)))


def gemm(draft: Draft, op: Op) -> None:
    """Write a fully connected layer; the library wants [out, in] weights and a bias of [out]."""
    weight = draft.weight(op, 1, "weight")
    if op.integer("transA", 0) or draft.program.is_constant(op.x):
        raise Unwritable("its first matrix is transposed or constant", "transpose the data before this layer")
    weight = weight if op.integer("transB", 0) else weight.map(np.transpose)
    bias, neurons = draft.optional_weight(op, 2, "bias"), draft.shape(op.y)[-1]
    if draft.is_on_bytes:
        _fully_connected(draft, op, weight, bias.map(lambda value: _bias(value, neurons)))
        return
    alpha, beta = np.float32(op.number("alpha", 1.0)), np.float32(op.number("beta", 1.0))
    bias = bias.map(lambda value: _bias(value * beta, neurons))
    _fully_connected(draft, op, weight.map(lambda value: value * alpha), bias)


def _bias(bias: Array, neurons: int) -> Array:
    """Bring a bias into the form [out]."""
    if bias.size not in (1, neurons) or (bias.size == neurons and bias.ndim > 1 and bias.shape[-1] != neurons):
        raise Unwritable("its bias differs from row to row", "add it with an Add of its own")
    return np.broadcast_to(bias.reshape(-1), (neurons,))


def matmul(draft: Draft, op: Op) -> None:
    """Write a product with a constant matrix as a fully connected layer."""
    weight = draft.weight(op, 1, "second matrix")
    if len(draft.shape(op.input(1))) != 2 or len(draft.shape(op.x)) != 2:
        raise Unwritable("it multiplies stacks of matrices", "reshape to two axes")
    _fully_connected(draft, op, weight.map(np.transpose), Weight(None))


def _fully_connected(draft: Draft, op: Op, weight: Weight, bias: Weight) -> None:
    """Write the layer; on bytes with the activation behind it, which the function itself does not take in."""
    act, result, follower = fused_activation(draft, op) if draft.is_on_bytes else (NO_ACTIVATION, op.y, None)
    draft.insist_on_factor(op, result)
    arrays = weight.map(np.ascontiguousarray), bias.map(np.ascontiguousarray)
    draft.add("fully_connected", op, (draft.ref(op.x), draft.form(result), *arrays), result)
    clamp(draft, result, act, follower)


def batch_norm(draft: Draft, op: Op) -> None:
    """Write a normalization by stored statistics."""
    scale, shift, mean, variance = (Weight(draft.constant(op, slot, "parameter")) for slot in (1, 2, 3, 4))
    if any(op.outputs[1:]) or op.integer("training_mode", 0):
        raise Unwritable("it is in training mode", "export in evaluation mode")
    epsilon = op.number("epsilon", 1e-5)
    draft.add("batch_norm", op, (draft.ref(op.x), draft.form(op.y), mean, variance, shift, scale, epsilon))


def softmax(draft: Draft, op: Op) -> None:
    """Write a softmax over the last of two axes."""
    shape = draft.shape(op.x)
    if len(shape) != 2 or op.integer("axis", -1) % 2 != 1:
        raise Unwritable("it does not run over the last of two axes", "reshape, and transpose, so that it does")
    draft.add("softmax", op, (draft.ref(op.x), draft.form(op.y)))


def lrn(draft: Draft, op: Op) -> None:
    """Write a local response normalization across channels."""
    size = op.integer("size", 1)
    if size % 2 == 0:
        raise Unwritable(f"size {size} is even, and the library takes odd ones", f"train with size {size + 1}")
    figures = (op.number("alpha", 1e-4), op.number("beta", 0.75), op.number("bias", 1.0))
    draft.add("local_response", op, (draft.ref(op.x), draft.form(op.y), size, *figures))


HANDLERS: Mapping[str, Callable[[Draft, Op], None]] = {
    **dict.fromkeys(_KINDS, arithmetic),
    "Exp": exponential,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "Softmax": softmax,
    "LRN": lrn,
}
