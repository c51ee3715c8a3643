"""Fold BatchNormalization into the convolution that feeds it."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from compiler.analysis.foldable import Foldable, foldable
from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Array, BatchNorm, Conv, ConvTranspose, Program


class FoldBatchnorm(Pass):
    """Fold BatchNormalization into the convolution that feeds it.

    With k = scale / sqrt(var + epsilon), the pair computes (w * x + b - mean) k + shift: one convolution of weight
    w k and bias (b - mean) k + shift. Filters lie on axis 0 of a Conv's weight and on axis 1 of a ConvTranspose's.
    """

    effect = Effect.EXACT
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "integers": "weights that are stored as integers cannot take a normalisation in; ptq folds by itself before it",
        "narrow-weights": "weights that are stored in half precision cannot either; fp16 folds by itself before it",
    }

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Fold each pair whose parameters are constant and whose link is private."""
        for norm in program.each(BatchNorm):
            pair = foldable(program, norm)
            if isinstance(pair, Foldable):
                _fold(program, pair)
            else:
                log.skip(norm, pair)


def _fold(program: Program, pair: Foldable) -> None:
    """Scale the weight, move the bias, drop the normalisation; float64 inside."""
    conv, norm = pair.conv, pair.norm
    values = program.consts(conv.w, *norm.params, *conv.bias)
    assert values is not None
    weight = values[0]
    scale, shift, mean, var, *bias = (value.astype(np.float64) for value in values[1:])
    k = scale / np.sqrt(var + norm.epsilon)
    program.give_const(conv, Conv.W, _scaled(weight, k, conv))
    program.give_const(conv, Conv.B, (((bias[0] if bias else 0.0) - mean) * k + shift).astype(weight.dtype))
    program.take_over(conv, norm)


def _scaled(weight: Array, k: Array, conv: Conv | ConvTranspose) -> Array:
    """Multiply each filter by its factor."""
    if not any(weight.strides) and np.ptp(k) == 0:
        # On the lint path a weight is one number, seen everywhere; it stays so and takes no memory.
        return np.broadcast_to((weight.flat[0] * k[0]).astype(weight.dtype), weight.shape)
    if isinstance(conv, Conv):
        factors = k.reshape(-1, *[1] * (weight.ndim - 1))
    else:
        rows = np.repeat(k.reshape(conv.group, -1), weight.shape[0] // conv.group, axis=0)
        factors = rows.reshape(*rows.shape, *[1] * (weight.ndim - 2))
    return (weight * factors).astype(weight.dtype)
