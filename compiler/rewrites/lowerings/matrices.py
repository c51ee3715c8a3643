"""Softmax and matrix products of many axes, written with those of two."""

from collections.abc import Callable, Mapping

import numpy as np

from compiler.ir import Op, Program
from compiler.rewrites.lowerings.chain import NOT_KNOWN, Chain, shape_of


def softmax(program: Program, op: Op) -> str | None:
    """Write a softmax along any axis as one along the last of two."""
    if (shape := shape_of(program, op)) is None or not shape:
        return NOT_KNOWN
    axis = op.integer("axis", -1) % len(shape)
    if len(shape) == 2 and axis == 1:
        return None
    chain, tensor, turned = Chain(program, op), op.x, shape
    order = [place for place in range(len(shape)) if place != axis] + [axis]
    is_turned = int(np.prod(shape[axis + 1 :])) != 1
    if is_turned:
        turned = tuple(shape[place] for place in order)
        tensor = chain.add("Transpose", [tensor], turned, {"perm": order})
    rows = (int(np.prod(shape)) // shape[axis], shape[axis])
    tensor = chain.add("Softmax", [chain.reshape(tensor, rows)], rows, {"axis": 1})
    if is_turned:
        back = [order.index(place) for place in range(len(shape))]
        chain.end("Transpose", [chain.reshape(tensor, turned)], {"perm": back})
    else:
        chain.end_reshaped(tensor, shape)
    return None


def matmul(program: Program, op: Op) -> str | None:
    """Write the product of a stack of rows with one constant matrix as that of a single matrix."""
    shape, weight, result = shape_of(program, op), program.const(op.input(1)), program.shape(op.y)
    if shape is None or result is None:
        return NOT_KNOWN
    if weight is None or weight.ndim != 2 or len(shape) == 2:
        return None
    if len(shape) < 2:
        return "its first factor is a single vector"
    chain = Chain(program, op)
    rows = int(np.prod(shape[:-1]))
    flat = chain.reshape(op.x, (rows, shape[-1]))
    chain.end_reshaped(chain.add("MatMul", [flat, op.input(1)], (rows, weight.shape[1])), result)
    return None


LOWERINGS: Mapping[str, Callable[[Program, Op], str | None]] = {"Softmax": softmax, "MatMul": matmul}
