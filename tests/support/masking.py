"""The network that a pruned one must equal: the original, with the removed channels masked.

Masked means that the removed filters' weights and biases are zero, and on their channels' way the scales and shifts of
normalisations and what constants add. This knows where the analysis saw which channel, and nothing of how they are cut.
"""

import numpy as np

from compiler.analysis.channels import FIXED, Channels, Use, find_channels
from compiler.ir import Array, Conv, Program

_NORMS = ("BatchNormalization", "InstanceNormalization")
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def masked(program: Program, kept: dict[str, tuple[int, ...]]) -> Program:
    """Return a copy in which the removed channels are masked; `kept` lists the filters that stay by layer."""
    channels, twin = find_channels(program), program.clone()
    gone = _gone(channels, kept)
    for use in channels.uses:
        op = twin.op(use.layer)
        is_gone = (use.ids != FIXED) & gone[np.maximum(channels.labels_of(use.ids), 0)] if gone.size else gone
        if not is_gone.any() or not _is_masked(op.op_type, use):
            continue
        _zero(twin, use, is_gone)
        bias = twin.const(op.input(Conv.B)) if use.is_filter and op.op_type == "Gemm" else None
        if bias is not None and bias.shape[-1:] != is_gone.shape:  # one number for all neurons
            twin.give_const(op, Conv.B, np.where(is_gone, np.zeros_like(bias), bias))
    return twin


def _is_masked(op_type: str, use: Use) -> bool:
    """Tell whether masking sets a constant to zero where a channel goes."""
    is_norm = op_type in _NORMS and use.slot in (1, 2)
    is_bias = op_type in _LAYERS and use.slot == Conv.B
    return use.is_filter or is_norm or is_bias or op_type in ("Add", "Sub", "Sum")


def _zero(twin: Program, use: Use, is_gone: Array) -> None:
    op = twin.op(use.layer)
    value = twin.const(op.input(use.slot))
    assert value is not None
    constant = np.moveaxis(np.array(value), use.axis, 0)
    constant[is_gone] = 0
    twin.give_const(op, use.slot, np.moveaxis(constant, 0, use.axis))


def _gone(channels: Channels, kept: dict[str, tuple[int, ...]]) -> Array:
    """Mark the labels of removed filters."""
    gone = np.zeros(channels.labels.size, dtype=bool)
    for layer, filters in kept.items():
        ids = channels.filters[layer].ids
        gone[channels.labels_of(np.delete(ids, list(filters)))] = True
    return gone
