"""What the readers of removed channels miss, and what can be put in its place without any retraining.

A reader that no longer sees a channel x misses sum_k w_k x. On average over images that is a constant, which its bias
can take: exact where x is constant, and away from the zero padding. Where another channel r resembles x, by least
squares x = a r + b, the weights of x times a can be added to those of r, and only b is left for the bias.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import Channels, Ids
from compiler.analysis.readers import Reader, lost, readers_of, stand_ins
from compiler.ir import Array, ConvTranspose, Op, ProgramView, runnable_bytes
from compiler.reference import Session

SAMPLES = 16
"""How many calibration images are enough for means of channels."""

Floats = NDArray[np.float64]
Numbers: TypeAlias = tuple[float, ...]


@dataclass(frozen=True)
class MakeUp:
    """What to add, by reader; numbers of six digits, so that a report stays small."""

    absorbed: dict[str, Numbers]
    """What the bias gains, for each filter that the reader keeps."""
    merged: dict[str, Numbers]
    """The factor a of each channel that the reader loses, in the channels' order."""


@dataclass
class _Moments:
    """Running sums over images and pixels, counted from the first value of each channel."""

    shift: Floats
    count: int
    total: Floats
    """Shape [channels]."""
    squares: Floats
    products: Floats
    """Shape [pairs]: the channel that goes times the one that stands in for it."""

    def line(self, places: NDArray[np.int64], others: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Fit x = a r + b for each pair; a is 0 where nothing stands in, or where that is constant."""
        mean = self.total / self.count
        variance = self.squares / self.count - mean**2
        shared = self.products / self.count - mean[places] * mean[others]
        varies = (others >= 0) & (variance[others] > 1e-12 * np.maximum(self.squares[others] / self.count, 1e-300))
        slope = np.where(varies, shared / np.where(varies, variance[others], 1.0), 0.0)
        mean += self.shift
        return slope, mean[places] - slope * mean[others]


def representatives(
    channels: Channels, clusters: Mapping[str, Iterable[int]], kept: Mapping[str, Iterable[int]]
) -> Ids:
    """Map each unit that goes to the kept one of the same cluster, the first where there are several; else to -1."""
    found = np.full(channels.labels.size, -1, dtype=np.int64)
    for layer, numbers in clusters.items():
        labels = channels.labels_of(channels.filters[layer].ids)
        own, stays = np.asarray(list(numbers)), np.asarray(list(kept[layer]))
        chosen, first = np.unique(own[stays], return_index=True)
        place = np.minimum(np.searchsorted(chosen, own), chosen.size - 1)
        known = (labels >= 0) & (own >= 0) & (chosen[place] == own)
        known[stays] = False
        found[labels[known]] = labels[stays[first[place[known]]]]
    return found


def mark(channels: Channels, labels: Ids) -> NDArray[np.bool_]:
    """Mark the units of some labels among all labels."""
    found = np.zeros(channels.labels.size, dtype=bool)
    found[labels] = True
    return found


def stand_in_make_up(program: ProgramView, channels: Channels, gone: NDArray[np.bool_]) -> MakeUp:
    """Make up for nothing, in the shape of what will be: for lint, which has no images."""
    readers = [reader for reader in readers_of(program, channels, gone) if takes_bias(program, reader)]
    return MakeUp({reader.layer: (0.0,) * _kept(channels, reader, gone).size for reader in readers}, {})


def make_up(
    program: ProgramView,
    channels: Channels,
    gone: NDArray[np.bool_],
    samples: Iterable[Mapping[str, Array]],
    standing_in: Ids | None,
) -> MakeUp | None:
    """Run the network as it still is over images, and work out what its readers will miss.

    Memory: one image's inputs of the readers. `standing_in` maps units to those whose channels take over their
    weights; None absorbs means only. Returns None without samples. Raises RefusedError when ONNX Runtime refuses.
    """
    readers = list(readers_of(program, channels, gone))
    nobody = np.full(channels.labels.size, -1, dtype=np.int64)
    pairs = [
        (lost(reader, gone), stand_ins(reader, gone, nobody if standing_in is None else standing_in))
        for reader in readers
    ]
    moments = _moments(program, readers, pairs, samples)
    if readers and not moments:
        return None
    absorbed: dict[str, Numbers] = {}
    merged: dict[str, Numbers] = {}
    for reader, (places, others), found in zip(readers, pairs, moments, strict=True):
        slope, rest = found.line(places, others)
        if standing_in is not None and slope.any():
            merged[reader.layer] = _short(slope)
        if takes_bias(program, reader):
            absorbed[reader.layer] = _short(_bias(program, reader, places, rest)[_kept(channels, reader, gone)])
    return MakeUp(absorbed, merged)


def takes_bias(program: ProgramView, reader: Reader) -> bool:
    """Tell whether a constant can be added to what a layer puts out without a node more."""
    op = program.op(reader.layer)
    if op.op_type == "MatMul":
        return bias_after(program, op) is not None
    if op.op_type == "Gemm" and op.number("beta", 1.0) == 0:
        return False
    return not op.has(2) or program.is_constant(op.input(2))


def bias_after(program: ProgramView, matmul: Op) -> tuple[Op, int] | None:
    """Find the Add that alone reads a matrix product and adds a constant, and the slot of that constant."""
    adds = program.readers(matmul.y)
    if not program.is_private(matmul.y) or adds[0].op_type != "Add" or adds[0].domain:
        return None
    slot = 1 if adds[0].x == matmul.y else 0
    return (adds[0], slot) if program.is_constant(adds[0].input(slot)) else None


def _moments(
    program: ProgramView,
    readers: list[Reader],
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    samples: Iterable[Mapping[str, Array]],
) -> list[_Moments]:
    """Sum what the readers see, image by image."""
    ops = [program.op(reader.layer) for reader in readers]
    session = Session(runnable_bytes(program, list(dict.fromkeys(op.x for op in ops))))
    found: list[_Moments] = []
    for feeds in samples:
        values = session.run({**feeds})
        for place, (reader, op, (places, others)) in enumerate(zip(readers, ops, pairs, strict=True)):
            flat = reader.channels_of(op, values[op.x])
            if place == len(found):
                zeros = np.zeros(len(flat))
                found.append(_Moments(flat[:, 0].copy(), 0, zeros, zeros.copy(), np.zeros(places.size)))
            sums = found[place]
            flat = flat - sums.shift[:, None]
            sums.count += flat.shape[1]
            sums.total = sums.total + flat.sum(axis=1)
            sums.squares += np.einsum("cn,cn->c", flat, flat)
            sums.products += np.einsum("cn,cn->c", flat[places], flat[others])
    return found


def _bias(program: ProgramView, reader: Reader, places: NDArray[np.int64], rest: Floats) -> Floats:
    """Add up what a layer's outputs miss when channels are replaced by nothing, each being `rest` everywhere."""
    op = program.op(reader.layer)
    weight = program.const(op.input(reader.use.slot))
    assert weight is not None
    blocks = reader.blocks(weight)
    missing = np.zeros(reader.labels.size)
    missing[places] = rest
    bias = np.einsum("giok,gi->go", blocks, missing.reshape(reader.group, -1)).ravel()
    if op.op_type == "Gemm":
        return bias * op.number("alpha", 1.0) / op.number("beta", 1.0)
    # A pixel of a strided transposed convolution sees one phase of the window, on average this share of its taps.
    return bias / np.prod(op.integers("strides")) if ConvTranspose.fits(op.op_type, op.domain) else bias


def _kept(channels: Channels, reader: Reader, gone: NDArray[np.bool_]) -> NDArray[np.int64]:
    """List the filters that a reader keeps itself."""
    labels = channels.labels_of(channels.filters[reader.layer].ids)
    labels = np.tile(labels, reader.group) if reader.use.axis == 0 else labels
    return np.flatnonzero((labels < 0) | ~gone[np.maximum(labels, 0)])


def _short(values: Floats) -> Numbers:
    return tuple(float(f"{value:.6g}") for value in values.tolist())
