"""Activation functions as calls of the builder: alone, in place, or inside the convolution before them."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Op
from targets.emitters.acl.steps import Code, Draft, Unwritable, scalar

NO_ACTIVATION = Code("Activation()")
_LARGEST = float(np.finfo(np.float32).max)
_PLAIN = {
    "Relu": "Activation(Function::relu)",
    "Sigmoid": "Activation(Function::sigmoid)",
    "Tanh": "Activation(Function::tanh, 1.0f, 1.0f)",
    "Abs": "Activation(Function::absolute)",
    "Sqrt": "Activation(Function::square_root)",
    "Softplus": "Activation(Function::soft_relu)",
}
_FUSED = ("Relu", "Clip")
"""Activations that the library's convolutions of every kind take in."""


def number(value: float) -> str:
    """Write a 32-bit float in C++, exactly."""
    text = str(np.float32(value))
    return f"{text if any(sign in text for sign in '.e') else f'{text}.0'}f"


def linear(scale: float, shift: float) -> Code:
    """Write scale * x + shift."""
    return Code(f"Activation(Function::linear, {number(scale)}, {number(shift)})")


def between(low: float, high: float) -> Code:
    """Write a clamp; the library's forms with a bound of 0 are the cheaper ones."""
    low, high = max(low, -_LARGEST), min(high, _LARGEST)
    if low == 0:
        return Code(
            "Activation(Function::relu)" if high == _LARGEST else f"Activation(Function::bounded_relu, {number(high)})"
        )
    return Code(f"Activation(Function::clip, {number(high)}, {number(low)})")


def activation_of(draft: Draft, op: Op) -> Code:
    """Describe the activation that a node is."""
    if op.op_type == "LeakyRelu":
        return Code(f"Activation(Function::leaky_relu, {number(op.number('alpha', 0.01))})")
    if op.op_type == "Clip":
        low, high = (scalar(draft.optional(op, slot, "bound")) for slot in (1, 2))
        low, high = -_LARGEST if low is None else low, _LARGEST if high is None else high
        if low > high:
            raise Unwritable("its lower bound is above the upper one", "exchange the bounds")
        return between(low, high)
    return Code(_PLAIN[op.op_type])


def fused_activation(draft: Draft, op: Op) -> tuple[Code, str, Op | None]:
    """Find the activation that a convolution can apply by itself, the tensor it then writes, and the node taken in."""
    follower = draft.only_reader(op.y)
    if follower is None or follower.domain or follower.op_type not in _FUSED or follower.x != op.y:
        return NO_ACTIVATION, op.y, None
    return activation_of(draft, follower), follower.y, follower


def clamp(draft: Draft, result: str, act: Code, follower: Op | None) -> None:
    """Apply to bytes, in place, the activation that a layer took in, unless the bytes reach no further anyhow."""
    if follower is None:
        return
    draft.done.add(follower.name)
    grid, bounds = draft.bytes.grids[result], (-_LARGEST, _LARGEST)
    if follower.op_type == "Relu":
        bounds = (0.0, _LARGEST)
    else:
        low, high = (scalar(draft.optional(follower, slot, "bound")) for slot in (1, 2))
        bounds = (-_LARGEST if low is None else low, _LARGEST if high is None else high)
    reach = (-grid.offset * grid.scale, (255 - grid.offset) * grid.scale)
    if reach[0] < bounds[0] or reach[1] > bounds[1]:
        draft.add("activate", follower, (draft.ref(result), act), "")


def activate(draft: Draft, op: Op, tensor: str, what: Code) -> None:
    """Write an activation of a tensor: in place where nothing else reads it."""
    source = draft.ref(tensor)
    is_own = draft.program.producer(tensor) is not None and source.tensor == tensor
    if is_own and draft.program.is_private(tensor):
        draft.add("activate", op, (source, what), "")
        draft.aliases[op.y] = tensor
    else:
        draft.add("activation", op, (source, draft.form(op.y), what))


def _alone(draft: Draft, op: Op) -> None:
    activate(draft, op, op.x, activation_of(draft, op))


HANDLERS: Mapping[str, Callable[[Draft, Op], None]] = dict.fromkeys((*_PLAIN, "LeakyRelu", "Clip"), _alone)
