"""Layers that read removed channels: where in their weight those channels lie, as one form for all kinds of layers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import FIXED, Channels, Ids
from compiler.analysis.channels.identities import Use
from compiler.ir import Array, Conv, ConvTranspose, Gemm, MatMul, Op, ProgramView

Floats = NDArray[np.float64]

_MIXING = (Conv, ConvTranspose, Gemm, MatMul)


@dataclass(frozen=True)
class Reader:
    """A layer that mixes channels, with the unit of each channel that it reads.

    Its weight as blocks has shape [groups, channels read, channels written, taps], the channels counted per group.
    """

    use: Use
    labels: Ids
    """The unit label of each channel of the tensor that it reads, FIXED for those without one."""
    group: int

    @property
    def layer(self) -> str:
        """The layer's name."""
        return self.use.layer

    def channels_of(self, op: Op, value: Array) -> Floats:
        """Lay out the value of the tensor that the layer reads as [channels, everything else]."""
        axis = value.ndim - 1 if op.op_type == "MatMul" else 1
        return np.moveaxis(value, axis, 0).reshape(self.labels.size, -1).astype(np.float64)

    def blocks(self, weight: Array) -> Floats:
        """Lay out the weight as blocks, in an array of its own."""
        split = weight.astype(np.float64).reshape(self.group, -1, *weight.shape[1:])
        split = split if self.use.axis == 0 else np.swapaxes(split, 1, 2)
        return np.ascontiguousarray(split.reshape(*split.shape[:3], -1))

    def weight(self, blocks: Floats, like: Array) -> Array:
        """Turn blocks back into a weight."""
        split = blocks if self.use.axis == 0 else np.swapaxes(blocks, 1, 2)
        return split.reshape(like.shape).astype(like.dtype)


def readers_of(program: ProgramView, channels: Channels, gone: NDArray[np.bool_]) -> Iterator[Reader]:
    """Yield the layers that mix any channel of a unit that goes."""
    for use in channels.uses:
        op = program.op(use.layer)
        is_mixing = any(kind.fits(op.op_type, op.domain) for kind in _MIXING)
        if use.is_filter or use.slot != Conv.W or not is_mixing:
            continue
        own = channels.labels_of(use.ids)
        if not _lost(own, gone).any():
            continue
        group = op.integer("group", 1)
        is_split = group > 1 and use.axis == 1
        yield Reader(use, np.tile(own, group) if is_split else own, group)


def lost(reader: Reader, gone: NDArray[np.bool_]) -> NDArray[np.int64]:
    """List the places of the channels that go, ascending."""
    return np.flatnonzero(_lost(reader.labels, gone))


def stand_ins(reader: Reader, gone: NDArray[np.bool_], representatives: Ids) -> NDArray[np.int64]:
    """Give for each channel that goes the place of the one that stands in for it, or -1.

    `representatives` maps a unit to the one that stands in for it. Where a unit has several channels, its k-th goes
    with the k-th of the other; in a grouped layer both must lie in the same group.
    """
    labels = reader.labels
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    turn = np.empty(labels.size, dtype=np.int64)
    turn[order] = np.arange(labels.size) - np.searchsorted(ranked, ranked)
    places = lost(reader, gone)
    wanted = representatives[labels[places]] * (labels.size + 1) + turn[places]
    keys = ranked * (labels.size + 1) + turn[order]
    hit = np.minimum(np.searchsorted(keys, wanted), labels.size - 1)
    found = np.where((keys[hit] == wanted) & (representatives[labels[places]] >= 0), order[hit], -1)
    per_group = labels.size // reader.group
    return np.where(found // per_group == places // per_group, found, -1)


def _lost(labels: Ids, gone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return (labels != FIXED) & gone[np.maximum(labels, 0)] if gone.size else np.zeros(labels.size, dtype=bool)
