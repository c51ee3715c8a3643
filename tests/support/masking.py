"""The network that a pruned one must equal: the original, with the weights that read removed channels set to zero."""

import numpy as np

from compiler.analysis.channels import FIXED, Channels, find_channels
from compiler.ir import Array, Conv, Program

_MIXING = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def masked(program: Program, kept: dict[str, tuple[int, ...]]) -> Program:
    """Return a copy in which no layer listens to a removed channel; `kept` lists the filters that stay by layer."""
    channels, twin = find_channels(program), program.clone()
    gone = _gone(channels, kept)
    for use in channels.uses:
        op = twin.op(use.layer)
        is_gone = (use.ids != FIXED) & gone[np.maximum(channels.labels_of(use.ids), 0)] if gone.size else gone
        if use.is_filter or op.op_type not in _MIXING or use.slot != Conv.W or not is_gone.any():
            continue
        value = twin.const(op.input(use.slot))
        assert value is not None
        weight = np.moveaxis(np.array(value), use.axis, 0)
        weight[is_gone] = 0
        twin.give_const(op, use.slot, np.moveaxis(weight, 0, use.axis))
    return twin


def _gone(channels: Channels, kept: dict[str, tuple[int, ...]]) -> Array:
    """Mark the labels of removed filters."""
    gone = np.zeros(channels.labels.size, dtype=bool)
    for layer, filters in kept.items():
        ids = channels.filters[layer].ids
        gone[channels.labels_of(np.delete(ids, list(filters)))] = True
    return gone
