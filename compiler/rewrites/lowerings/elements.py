"""Element-wise operators, written with Relu, Clip, Exp and arithmetic."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Op, Program
from compiler.rewrites.lowerings.chain import COMPUTED, NOT_KNOWN, Chain, shape_of


def hard_sigmoid(program: Program, op: Op) -> str | None:
    """Write max(0, min(1, alpha x + beta)) as Mul, Add and Clip."""
    if (shape := shape_of(program, op)) is None:
        return NOT_KNOWN
    chain = Chain(program, op)
    scaled = chain.add("Mul", [op.x, chain.number(op.number("alpha", 0.2))], shape)
    shifted = chain.add("Add", [scaled, chain.number(op.number("beta", 0.5))], shape)
    chain.end("Clip", [shifted, chain.number(0), chain.number(1)])
    return None


def elu(program: Program, op: Op) -> str | None:
    """Write x above 0, and alpha (exp(x) - 1) below."""
    return _exponential(program, op, op.number("alpha", 1.0), 1.0, 1.0)


def selu(program: Program, op: Op) -> str | None:
    """Write gamma x above 0, and gamma alpha (exp(x) - 1) below."""
    gamma = op.number("gamma", 1.0507009873554804934193349852946)
    return _exponential(program, op, gamma * op.number("alpha", 1.6732632423543772848170429916717), gamma, 1.0)


def celu(program: Program, op: Op) -> str | None:
    """Write x above 0, and alpha (exp(x / alpha) - 1) below."""
    alpha = op.number("alpha", 1.0)
    return _exponential(program, op, alpha, 1.0, 1 / alpha) if alpha > 0 else "its alpha is not positive"


def _exponential(program: Program, op: Op, below: float, above: float, inner: float) -> str | None:
    """Write above Relu(x) + below (exp(inner Min(x, 0)) - 1)."""
    if (shape := shape_of(program, op)) is None:
        return NOT_KNOWN
    chain = Chain(program, op)
    negative = chain.add("Min", [op.x, chain.number(0)], shape)
    if inner != 1:
        negative = chain.add("Mul", [negative, chain.number(inner)], shape)
    power = chain.add("Mul", [chain.add("Exp", [negative], shape), chain.number(below)], shape)
    lower = chain.add("Add", [power, chain.number(-below)], shape)
    upper = chain.add("Relu", [op.x], shape)
    if above != 1:
        upper = chain.add("Mul", [upper, chain.number(above)], shape)
    chain.end("Add", [upper, lower])
    return None


def prelu(program: Program, op: Op) -> str | None:
    """Write Relu(x) + slope Min(x, 0)."""
    if (shape := shape_of(program, op)) is None:
        return NOT_KNOWN
    chain, slope = Chain(program, op), op.input(1)
    negative = chain.add("Min", [op.x, chain.number(0)], shape)
    lower = chain.add("Mul", [negative, slope], shape)
    chain.end("Add", [chain.add("Relu", [op.x], shape), lower])
    return None


def softsign(program: Program, op: Op) -> str | None:
    """Write x / (1 + |x|)."""
    if (shape := shape_of(program, op)) is None:
        return NOT_KNOWN
    chain = Chain(program, op)
    below = chain.add("Add", [chain.add("Abs", [op.x], shape), chain.number(1)], shape)
    chain.end("Div", [op.x, below])
    return None


def reciprocal(program: Program, op: Op) -> str | None:
    """Write 1 / x."""
    if shape_of(program, op) is None:
        return NOT_KNOWN
    chain = Chain(program, op)
    chain.end("Div", [chain.number(1), op.x])
    return None


def negative(program: Program, op: Op) -> str | None:
    """Write -1 x."""
    if shape_of(program, op) is None:
        return NOT_KNOWN
    chain = Chain(program, op)
    chain.end("Mul", [op.x, chain.number(-1)])
    return None


def power(program: Program, op: Op) -> str | None:
    """Write a square, a cube or a root, or one over it."""
    exponent, shape = program.const(op.input(1)), shape_of(program, op)
    if exponent is None or shape is None:
        return COMPUTED if exponent is None else NOT_KNOWN
    if exponent.size != 1 or program.shape(op.y) != shape:
        return "its exponent is no single number"
    value, chain, x = float(np.asarray(exponent).reshape(())), Chain(program, op), op.x
    if value == 2:
        chain.end("Mul", [x, x])
    elif value == 3:
        chain.end("Mul", [chain.add("Mul", [x, x], shape), x])
    elif value == 0.5:
        chain.end("Sqrt", [x])
    elif value == -1:
        chain.end("Div", [chain.number(1), x])
    elif value == -0.5:
        chain.end("Div", [chain.number(1), chain.add("Sqrt", [x], shape)])
    else:
        return f"its exponent is {value:g}, and squares, cubes and roots alone are products"
    return None


LOWERINGS: Mapping[str, Callable[[Program, Op], str | None]] = {
    "HardSigmoid": hard_sigmoid,
    "Elu": elu,
    "Selu": selu,
    "Celu": celu,
    "PRelu": prelu,
    "Softsign": softsign,
    "Reciprocal": reciprocal,
    "Neg": negative,
    "Pow": power,
}
