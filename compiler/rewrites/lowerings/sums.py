"""Sums, means and norms of several tensors or along axes, written with ReduceMean and arithmetic on two tensors."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from compiler.ir import Op, Program
from compiler.rewrites.lowerings.chain import COMPUTED, NOT_KNOWN, Chain, shape_of

_TINY = 1e-30
"""Keeps the length of a vector of zeros from being divided by."""


def mean(program: Program, op: Op) -> str | None:
    """Write the mean of several tensors as their sum times 1 / n."""
    shape = program.shape(op.y)
    if shape is None or shape_of(program, op) is None:
        return NOT_KNOWN
    chain = Chain(program, op)
    total = _folded(program, chain, "Add", op.inputs)
    chain.end("Mul", [total, chain.number(1 / len(op.inputs))])
    return None


def pairs(op_type: str) -> Callable[[Program, Op], str | None]:
    """Make the lowering that combines several tensors two at a time."""

    def lower(program: Program, op: Op) -> str | None:
        if len(op.inputs) <= 2:
            return None
        if shape_of(program, op) is None or any(program.shape(name) is None for name in op.inputs):
            return NOT_KNOWN
        chain = Chain(program, op)
        chain.end(op_type, [_folded(program, chain, op_type, op.inputs[:-1]), op.inputs[-1]])
        return None

    return lower


def _folded(program: Program, chain: Chain, op_type: str, tensors: Sequence[str]) -> str:
    """Combine tensors from left to right."""
    total, shape = tensors[0], program.shape(tensors[0]) or ()
    for tensor in tensors[1:]:
        shape = np.broadcast_shapes(shape, program.shape(tensor) or ())
        total = chain.add(op_type, [total, tensor], shape)
    return total


def reduce_sum(program: Program, op: Op) -> str | None:
    """Write a sum along axes as their mean times the number of elements."""
    shape, kept = shape_of(program, op), program.shape(op.y)
    axes = program.const(op.input(1))
    if shape is None or kept is None:
        return NOT_KNOWN
    if op.has(1) and axes is None:
        return COMPUTED
    if (axes is None or not axes.size) and op.integer("noop_with_empty_axes", 0):
        return "it sums nothing"
    places = sorted({int(axis) % len(shape) for axis in axes.ravel()}) if axes is not None and axes.size else None
    places = places or list(range(len(shape)))
    chain = Chain(program, op)
    size = int(np.prod([shape[axis] for axis in places]))
    keeps = {"axes": places, "keepdims": op.integer("keepdims", 1)}
    chain.end("Mul", [chain.add("ReduceMean", [op.x], kept, keeps), chain.number(size)])
    return None


def lp_normalization(program: Program, op: Op) -> str | None:
    """Write x / sqrt(sum x^2) along an axis; a vector of zeros stays one."""
    if (shape := shape_of(program, op)) is None:
        return NOT_KNOWN
    if op.integer("p", 2) != 2:
        return "it is no Euclidean norm"
    axis, chain = op.integer("axis", -1) % len(shape), Chain(program, op)
    kept = tuple(1 if place == axis else extent for place, extent in enumerate(shape))
    squares = chain.add("Mul", [op.x, op.x], shape)
    average = chain.add("ReduceMean", [squares], kept, {"axes": [axis], "keepdims": 1})
    length = chain.add("Sqrt", [chain.add("Mul", [average, chain.number(shape[axis])], kept)], kept)
    chain.end("Div", [op.x, chain.add("Max", [length, chain.number(_TINY)], kept)])
    return None


def instance_norm(program: Program, op: Op) -> str | None:
    """Write (x - mean) / sqrt(variance + epsilon) scale + shift, with statistics of each image and channel."""
    shape, parameters = shape_of(program, op), program.consts(op.input(1), op.input(2))
    if shape is None or len(shape) < 3:
        return NOT_KNOWN
    if parameters is None:
        return COMPUTED
    kept = (*shape[:2], *(1 for _ in shape[2:]))
    places = {"axes": list(range(2, len(shape))), "keepdims": 1}
    scale, shift = (value.reshape(1, -1, *(1 for _ in shape[2:])) for value in parameters)
    chain = Chain(program, op)
    apart = chain.add("Sub", [op.x, chain.add("ReduceMean", [op.x], kept, places)], shape)
    variance = chain.add("ReduceMean", [chain.add("Mul", [apart, apart], shape)], kept, places)
    guarded = chain.add("Add", [variance, chain.number(op.number("epsilon", 1e-5))], kept)
    even = chain.add("Div", [apart, chain.add("Sqrt", [guarded], kept)], shape)
    chain.end("Add", [chain.add("Mul", [even, chain.numbers(scale)], shape), chain.numbers(shift)])
    return None


LOWERINGS: Mapping[str, Callable[[Program, Op], str | None]] = {
    "Mean": mean,
    "Sum": pairs("Add"),
    "Max": pairs("Max"),
    "Min": pairs("Min"),
    "ReduceSum": reduce_sum,
    "LpNormalization": lp_normalization,
    "InstanceNormalization": instance_norm,
}
