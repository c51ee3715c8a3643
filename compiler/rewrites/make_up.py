"""Carry out what makes up for removed channels: weights that are handed over, and biases that take a mean."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import Channels, Ids
from compiler.analysis.makeup import bias_after
from compiler.analysis.readers import lost, readers_of, stand_ins
from compiler.ir import MatMul, Program


def hand_over(
    program: Program,
    channels: Channels,
    gone: NDArray[np.bool_],
    standing_in: Ids,
    factors: Mapping[str, Sequence[float]],
) -> None:
    """Before the cut: add the weights of each channel that goes, times its factor, to those of its stand-in."""
    for reader in readers_of(program, channels, gone):
        if reader.layer not in factors:
            continue
        op = program.op(reader.layer)
        weight = program.const(op.input(reader.use.slot))
        assert weight is not None
        places, others = lost(reader, gone), stand_ins(reader, gone, standing_in)
        blocks = reader.blocks(weight)
        flat = blocks.reshape(-1, *blocks.shape[2:])
        known = others >= 0
        shares = np.asarray(factors[reader.layer])[known, None, None] * flat[places[known]]
        np.add.at(flat, others[known], shares)
        program.give_const(op, reader.use.slot, reader.weight(blocks, weight))


def raise_biases(program: Program, gains: Mapping[str, Sequence[float]]) -> None:
    """After the cut: add to each layer's bias what its filters miss on average."""
    for layer, gain in gains.items():
        op, slot = program.op(layer), 2
        if MatMul.fits(op.op_type, op.domain):
            after = bias_after(program, op)
            assert after is not None
            op, slot = after
        weight = program.const(program.op(layer).input(1))
        assert weight is not None
        before = program.const(op.input(slot)) if op.has(slot) else None
        value = np.asarray(gain) + (0.0 if before is None else before.astype(np.float64))
        program.give_const(op, slot, value.astype(weight.dtype if before is None else before.dtype))
