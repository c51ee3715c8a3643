"""Arithmetic, comparison and logic between tensors that broadcast."""

import operator
from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.dtypes import NARROW
from compiler.lowering.registry import lowers

_PAIRS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": operator.add,
    "And": torch.logical_and,
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Mul": operator.mul,
    "Or": torch.logical_or,
    "Sub": operator.sub,
    "Xor": torch.logical_xor,
}
_MANY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Max": torch.maximum,
    "Mean": operator.add,
    "Min": torch.minimum,
    "Sum": operator.add,
}


def _wide(call: Call) -> list[Tensor]:
    """Hand out all inputs, those of types that torch only stores as int64."""
    return [value.to(torch.int64) if call.dtype(slot) in NARROW else value for slot, value in enumerate(call.every)]


def _back(call: Call, value: Tensor) -> Tensor:
    """Bring a result to the type that ONNX says."""
    return value.to(call.dtype()) if call.dtype() in NARROW else value


@lowers(*_PAIRS)
def pair(call: Call) -> Tensor:
    """Apply torch's function of the same meaning."""
    made = _PAIRS[call.op.op_type](*_wide(call))
    return made if call.out_dtype() is torch.bool else _back(call, made)


@lowers(*_MANY)
def many(call: Call) -> Tensor:
    """Reduce any number of tensors with a function of two."""
    made = reduce(_MANY[call.op.op_type], _wide(call))
    return _back(call, made / len(call.op.inputs) if call.op.op_type == "Mean" else made)


@lowers("Div")
def divide(call: Call) -> Tensor:
    """Divide; integers towards zero, as C does."""
    if call.dtype().is_floating_point:
        return call[0] / call[1]
    left, right = _wide(call)
    return _back(call, torch.div(left, right, rounding_mode="trunc"))


@lowers("Mod")
def modulo(call: Call) -> Tensor:
    """Take the remainder: of the divisor's sign, or of the dividend's with fmod."""
    left, right = _wide(call)
    return _back(call, torch.fmod(left, right) if call.op.integer("fmod", 0) else torch.remainder(left, right))


@lowers("Pow")
def power(call: Call) -> Tensor:
    """Raise to a power; the result has the base's type."""
    exponent = call.number(1)
    if exponent is not None and exponent == int(exponent) and call.dtype().is_floating_point:
        return call[0] ** int(exponent)
    base, exponents = _wide(call)
    return call.settled(base**exponents)


@lowers("Where")
def where(call: Call) -> Tensor:
    """Choose between two tensors, element by element."""
    return torch.where(call[0], call[1], call[2])


@lowers("BitShift")
def bit_shift(call: Call) -> Tensor:
    """Shift bits left or right."""
    left, right = (value.to(torch.int64) for value in call.every)
    if call.dtype() is torch.uint64 and call.op.text("direction", "") == "RIGHT":
        left = left & torch.iinfo(torch.int64).max
    shift = torch.bitwise_left_shift if call.op.text("direction", "") == "LEFT" else torch.bitwise_right_shift
    return shift(left, right).to(call.dtype())


@lowers("BitwiseNot")
def bitwise_not(call: Call) -> Tensor:
    """Turn every bit around."""
    return _back(call, torch.bitwise_not(_wide(call)[0]))


@lowers("IsInf")
def is_infinite(call: Call) -> Tensor:
    """Find infinities of either sign, or of one."""
    takes_low, takes_high = call.op.integer("detect_negative", 1), call.op.integer("detect_positive", 1)
    if takes_low and takes_high:
        return torch.isinf(call[0])
    if takes_low:
        return torch.isneginf(call[0])
    return torch.isposinf(call[0]) if takes_high else torch.zeros_like(call[0], dtype=torch.bool)


@lowers("Cast")
def cast(call: Call) -> Tensor:
    """Change the element type."""
    return call[0].to(call.out_dtype())


@lowers("CastLike")
def cast_like(call: Call) -> Tensor:
    """Change the element type to another tensor's."""
    return call[0].to(call.dtype(1))


@lowers("BitCast")
def bit_cast(call: Call) -> Tensor:
    """Read the same bits as another element type."""
    return call[0].view(call.out_dtype())


@lowers("CumSum")
def cumulative_sum(call: Call) -> Tensor:
    """Sum up along an axis, from either end, with or without the element itself."""
    return _cumulative(call, torch.cumsum, 0)


@lowers("CumProd")
def cumulative_product(call: Call) -> Tensor:
    """Multiply up along an axis, from either end, with or without the element itself."""
    return _cumulative(call, torch.cumprod, 1)


def _cumulative(call: Call, function: Callable[[Tensor, int], Tensor], neutral: int) -> Tensor:
    """Accumulate; `exclusive` shifts by one, `reverse` turns the axis around."""
    axes = call.integers(1)
    assert axes is not None
    axis = axes[0] % call.rank()
    is_reverse = call.op.integer("reverse", 0) != 0
    x = call[0].flip(axis) if is_reverse else call[0]
    if call.op.integer("exclusive", 0):
        first = torch.full_like(x.narrow(axis, 0, 1), neutral)
        x = torch.cat([first, x.narrow(axis, 0, call.shape()[axis] - 1)], axis)
    made = call.settled(function(x, axis))
    return made.flip(axis) if is_reverse else made
