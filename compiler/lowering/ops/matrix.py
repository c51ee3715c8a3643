"""Matrix products: Gemm, MatMul, Einsum."""

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import lowers


@lowers("Gemm")
def gemm(call: Call) -> Tensor:
    """Compute alpha A' B' + beta C; the usual case is a linear layer."""
    op = call.op
    alpha, beta = op.number("alpha", 1.0), op.number("beta", 1.0)
    a = call[0].transpose(0, 1) if op.integer("transA", 0) else call[0]
    if alpha == beta == 1.0 and op.integer("transB", 0) and (not op.has(2) or call.rank(2) == 1):
        return F.linear(a, call[1], call.maybe(2))
    b = call[1].transpose(0, 1) if op.integer("transB", 0) else call[1]
    product = a @ b if alpha == 1.0 else (a @ b) * alpha
    if not op.has(2):
        return product
    c = call[2] if beta == 1.0 else call[2] * beta
    return call.settled(product + c)


@lowers("MatMul")
def matmul(call: Call) -> Tensor:
    """Multiply matrices with numpy's broadcasting."""
    return call[0] @ call[1]


@lowers("Einsum")
def einsum(call: Call) -> Tensor:
    """Sum products by an equation."""
    return torch.einsum(call.op.text("equation", "").replace(" ", ""), *call.every)
