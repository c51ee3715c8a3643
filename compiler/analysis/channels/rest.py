"""What a masked channel still carries: nearly always 0, but sigmoid(0) is 0.5, and 0 plus a scalar is that scalar.

A rest is a row of numbers, one for each channel of a tensor: the value that the channel has everywhere once its filters
are zero, or NaN when that is not one number, or depends on weights. What is decided by it then holds for stand-in
weights too: only numbers that are the same for all channels, which structure locks keep, have a say.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Op

Rest = NDArray[np.float64]

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
_FLOATS, _BOOL = (1, 10, 11, 16), 9  # ONNX's numbers for element types


def zeros(count: int) -> Rest:
    """Make the rest of channels that masking sets to zero."""
    return np.zeros(count)


def unknown(count: int) -> Rest:
    """Make the rest of channels of which nothing can be said."""
    return np.full(count, np.nan)


def same(one: Rest, other: Rest) -> Rest:
    """Keep what two rests agree on."""
    return np.where(one == other, one, np.nan)


def after(op: Op, rest: Rest) -> Rest:
    """Push a rest through an operator that works on each element by itself."""
    return _known(lambda: UNARY[op.op_type](op, rest), (rest,))


def combined(op: Op, rests: Sequence[Rest]) -> Rest:
    """Push rests through an operator that combines tensors element by element; 0 times anything is 0."""
    result = _known(lambda: COMBINING[op.op_type](op, rests), rests)
    if op.op_type in ("Mul", "And"):
        return np.where(np.any([rest == 0 for rest in rests], axis=0), 0.0, result)
    if op.op_type == "Div":
        return np.where((rests[0] == 0) & (rests[1] != 0), 0.0, result)
    if op.op_type == "PRelu":
        return np.where(rests[0] >= 0, rests[0], result)
    return np.where(rests[1] == rests[2], rests[1], result) if op.op_type == "Where" else result


def reduced(op_type: str, rest: Rest, count: int) -> Rest:
    """Push a rest through a reduction over `count` elements that are alike."""
    return _known(lambda: REDUCING[op_type](rest, count), (rest,))


def spread(op_type: str, rest: Rest, count: int) -> Rest:
    """Push a rest through a Softmax or its kin over `count` elements that are alike."""
    if op_type == "Softmax":
        return np.where(np.isnan(rest), np.nan, 1 / count)
    if op_type == "LogSoftmax":
        return np.where(np.isnan(rest), np.nan, -np.log(count))
    return np.where((rest == 0) & (op_type == "LpNormalization"), 0.0, np.nan)


def _known(compute: Callable[[], NDArray[Any]], rests: Sequence[Rest]) -> Rest:
    """Compute, and give up where an operand is not known or the result is no finite number."""
    with np.errstate(all="ignore"):
        result = np.asarray(compute(), dtype=np.float64)
    return np.where(np.isfinite(result) & ~np.any([np.isnan(rest) for rest in rests], axis=0), result, np.nan)


def _elu(x: Rest, alpha: float) -> Rest:
    return np.where(x < 0, alpha * np.expm1(x), x)


def _erf(x: Rest) -> Rest:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _hard_sigmoid(x: Rest, alpha: float, beta: float) -> Rest:
    return np.clip(alpha * x + beta, 0, 1)


def _sigmoid(x: Rest) -> Rest:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Rest) -> Rest:
    return np.logaddexp(0, x)


def _cast(op: Op, x: Rest) -> Rest:
    kind = op.integer("to", _FLOATS[0])
    return x if kind in _FLOATS else np.asarray(x != 0, np.float64) if kind == _BOOL else np.trunc(x)


def _clip(op: Op, rests: Sequence[Rest]) -> Rest:
    bounds = iter(rests[1:])
    low, high = (next(bounds) if op.has(slot) else np.full(1, end) for slot, end in ((1, -np.inf), (2, np.inf)))
    return np.minimum(np.maximum(rests[0], low), high)


def _selu(op: Op, x: Rest) -> Rest:
    return op.number("gamma", _SELU_GAMMA) * _elu(x, op.number("alpha", _SELU_ALPHA))


_PLAIN: Mapping[str, Callable[[Rest], Rest]] = {
    "Abs": np.abs, "Acos": np.arccos, "Acosh": np.arccosh, "Asin": np.arcsin, "Asinh": np.arcsinh, "Atan": np.arctan,
    "Atanh": np.arctanh, "Ceil": np.ceil, "Cos": np.cos, "Cosh": np.cosh, "Dropout": np.positive, "Erf": _erf,
    "Exp": np.exp, "Floor": np.floor, "Gelu": lambda x: x / 2 * (1 + _erf(x / np.sqrt(2))),
    "HardSwish": lambda x: x * _hard_sigmoid(x, 1 / 6, 0.5), "Identity": np.positive, "Log": np.log,
    "Mish": lambda x: x * np.tanh(_softplus(x)), "Neg": np.negative, "Not": np.logical_not,
    "Reciprocal": np.reciprocal, "Relu": lambda x: np.maximum(x, 0), "Round": np.rint, "Sigmoid": _sigmoid,
    "Sign": np.sign, "Sin": np.sin, "Sinh": np.sinh, "Softplus": _softplus, "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt, "Tan": np.tan, "Tanh": np.tanh,
}  # fmt: skip

UNARY: Mapping[str, Callable[[Op, Rest], Rest]] = {
    **{name: lambda _, x, function=function: function(x) for name, function in _PLAIN.items()},
    "Cast": _cast,
    "Celu": lambda op, x: _elu(x, op.number("alpha", 1.0)),
    "Elu": lambda op, x: _elu(x, op.number("alpha", 1.0)),
    "HardSigmoid": lambda op, x: _hard_sigmoid(x, op.number("alpha", 0.2), op.number("beta", 0.5)),
    "LeakyRelu": lambda op, x: np.where(x < 0, op.number("alpha", 0.01) * x, x),
    "Selu": _selu,
    "ThresholdedRelu": lambda op, x: np.where(x > op.number("alpha", 1.0), x, 0),
}
"""Operators on single elements."""

COMBINING: Mapping[str, Callable[[Op, Sequence[Rest]], NDArray[Any]]] = {
    "Add": lambda _, x: x[0] + x[1],
    "And": lambda _, x: np.logical_and(x[0], x[1]),
    "Clip": _clip,
    "Div": lambda _, x: x[0] / x[1],
    "Equal": lambda _, x: x[0] == x[1],
    "Greater": lambda _, x: x[0] > x[1],
    "GreaterOrEqual": lambda _, x: x[0] >= x[1],
    "Less": lambda _, x: x[0] < x[1],
    "LessOrEqual": lambda _, x: x[0] <= x[1],
    "Max": lambda _, x: np.max(x, axis=0),
    "Mean": lambda _, x: np.mean(x, axis=0),
    "Min": lambda _, x: np.min(x, axis=0),
    "Mod": lambda op, x: np.fmod(x[0], x[1]) if op.integer("fmod", 0) else np.mod(x[0], x[1]),
    "Mul": lambda _, x: x[0] * x[1],
    "Or": lambda _, x: np.logical_or(x[0], x[1]),
    "PRelu": lambda _, x: np.where(x[0] < 0, x[0] * x[1], x[0]),
    "Pow": lambda _, x: np.power(x[0], x[1]),
    "Sub": lambda _, x: x[0] - x[1],
    "Sum": lambda _, x: np.sum(x, axis=0),
    "Where": lambda _, x: np.where(x[0] != 0, x[1], x[2]),
    "Xor": lambda _, x: np.logical_xor(x[0], x[1]),
}
"""Operators on elements of several tensors."""

REDUCING: Mapping[str, Callable[[Rest, int], Rest]] = {
    "ReduceL1": lambda x, n: np.abs(x) * n,
    "ReduceL2": lambda x, n: np.abs(x) * np.sqrt(n),
    "ReduceLogSum": lambda x, n: np.log(x * n),
    "ReduceLogSumExp": lambda x, n: x + np.log(n),
    "ReduceMax": lambda x, _: x,
    "ReduceMean": lambda x, _: x,
    "ReduceMin": lambda x, _: x,
    "ReduceProd": lambda x, n: x**n,
    "ReduceSum": lambda x, n: x * n,
    "ReduceSumSquare": lambda x, n: x**2 * n,
}
"""Reductions, over so many elements."""
