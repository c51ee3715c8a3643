"""Cross-layer equalisation: let neighbouring layers share the burden of wide filters; the outputs stay as they are.

A positive factor taken out of a filter passes through Relu, LeakyRelu or nothing and is put back into the weights
that read the filter. With s = sqrt(r1 / r2), where r1 and r2 are the largest weights that make and that read a
channel, both sides end up with the range sqrt(r1 r2) (Nagel et al., ICCV 2019). One scale for a whole layer then
fits all its filters.

Where every filter has a scale of its own, what makes a channel does not mind the factor, and the tensor between has one
scale for all its channels. Then the largest value that a channel takes on images stands in for r1, and more of the
factor goes where it costs nothing: all of it before a depthwise layer, whose filters have scales of their own too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.quantization import Watch, short
from compiler.ir import Array, Conv, Program, ProgramView

SWEEPS = 20
_CALM = 1e-3
_LARGEST = 1e4
_HOMOGENEOUS = ("Relu", "LeakyRelu")
_FAINT = 1 / 256
"""A channel that fills no step of eight bits on a few images may be louder on others: it counts as filling one."""
_SHARE = 0.6
"""How much a channel's values count against the weights that read it, where those share a scale."""


@dataclass(frozen=True)
class _Pair:
    """Two convolutions with nothing between them that a positive factor would not pass."""

    first: Conv
    second: Conv
    between: tuple[str, ...]
    """The tensors that a factor passes."""


def even_out(program: Program, peaks: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float32]]:
    """Even out channels by the values that they take, where those are known, else by the weights.

    Returns what each channel of a tensor has been divided by, for those that were.
    """
    return level(program, peaks) if peaks else equalize(program)


def equalize(program: Program) -> dict[str, NDArray[np.float32]]:
    """Equalise every pair of convolutions in turn until the factors are near 1; return them by tensor.

    Linear in weights for each of at most 20 sweeps.
    """
    pairs = list(_pairs(program))
    factors = [np.ones(1) for _ in pairs]
    for _ in range(SWEEPS):
        largest = 0.0
        for place, pair in enumerate(pairs):
            factor = _balance(program, pair)
            factors[place] = factors[place] * factor
            largest = max(largest, float(np.abs(np.log(factor)).max(initial=0.0)))
        if largest < _CALM:
            break
    return _by_tensor(pairs, factors)


def level(program: Program, peaks: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float32]]:
    """Let the channels between each pair of convolutions take values of like size; return the factors by tensor.

    `peaks` holds, by the name of the layer that reads, the largest value of each channel. Linear in weights.
    """
    pairs, factors = list[_Pair](), list[NDArray[np.float64]]()
    for pair in list(_pairs(program)):
        read = program.const(pair.second.w)
        if pair.second.name not in peaks or read is None:
            continue
        seen = np.asarray(peaks[pair.second.name], np.float64)
        seen = np.where(seen > 0, np.maximum(seen, _FAINT * seen.max(initial=0.0)), 0.0)
        weights = _readers_peaks(pair, read, seen.size)
        is_used = (seen > 0) & (weights > 0)
        share = _SHARE if pair.second.group == 1 else 1.0
        factor = np.ones(seen.size)
        factor[is_used] = seen[is_used] ** share / weights[is_used] ** (1 - share)
        factor[is_used] /= np.exp(np.log(factor[is_used]).mean()) if is_used.any() else 1.0
        pairs.append(pair)
        factors.append(np.clip(factor, 1 / _LARGEST, _LARGEST))
        _move(program, pair, factors[-1])
    return _by_tensor(pairs, factors)


def tensors_between(program: ProgramView) -> tuple[str, ...]:
    """Name the tensors that convolutions read whose channels can be evened out."""
    return tuple(pair.second.x for pair in _pairs(program))


def channel_peaks(watched: Watch, samples: Iterable[Mapping[str, Array]]) -> dict[str, tuple[float, ...]]:
    """Find the largest value of each channel between pairs of convolutions, to six digits, as reports hold figures.

    The network shows the tensors between them. Memory: one sample's activations. Raises RefusedError.
    """
    tensors = {pair.second.name: pair.second.x for pair in _pairs(watched.program)}
    peaks: dict[str, NDArray[np.float64]] = {}
    for found in watched.each(samples):
        for name, tensor in tensors.items():
            rows = found[tensor].reshape(*found[tensor].shape[:2], -1)
            values = np.maximum(rows.max(axis=2), -rows.min(axis=2)).max(axis=0).astype(np.float64)
            peaks[name] = np.maximum(peaks[name], values) if name in peaks else values
    return {name: tuple(map(short, row)) for name, row in peaks.items()}


def _pairs(program: ProgramView) -> Iterator[_Pair]:
    """Find convolutions whose result goes to one other convolution only."""
    for first in program.each(Conv):
        between = [first.y]
        if not (_has_own_weight(program, first) and program.is_private(first.y)):
            continue
        reader = program.readers(first.y)[0]
        if reader.op_type in _HOMOGENEOUS and not reader.domain and program.is_private(reader.y):
            between.append(reader.y)
            reader = program.readers(reader.y)[0]
        second = program.producer(reader.y, Conv)
        if (
            second is not None
            and second.x == between[-1]
            and _has_own_weight(program, second)
            and _is_plain(program, second)
        ):
            yield _Pair(first, second, tuple(between))


def _has_own_weight(program: ProgramView, conv: Conv) -> bool:
    """Tell whether a layer's weight and bias are constants that nobody else reads."""
    return all(program.is_constant(name) and len(program.readers(name)) == 1 for name in (conv.w, *conv.bias))


def _is_plain(program: ProgramView, conv: Conv) -> bool:
    """Tell whether each input channel meets weights of its own: one group, or one channel in each."""
    weight = program.const(conv.w)
    return weight is not None and (conv.group == 1 or weight.shape[1] == 1)


def _balance(program: Program, pair: _Pair) -> NDArray[np.float64]:
    """Move the factors of one pair from the first layer to the second; return them."""
    made, read = program.const(pair.first.w), program.const(pair.second.w)
    assert made is not None and read is not None
    r1 = _peaks(made, 0)
    r2 = _readers_peaks(pair, read, r1.size)
    is_used = (r1 > 0) & (r2 > 0)
    ratio = np.where(is_used, r1 / np.where(is_used, r2, 1.0), 1.0)
    factor = np.clip(np.sqrt(ratio), 1 / _LARGEST, _LARGEST)
    _move(program, pair, factor)
    return factor


def _readers_peaks(pair: _Pair, read: Array, channels: int) -> NDArray[np.float64]:
    """Find the largest weight that reads each channel; a depthwise layer may have several filters for one."""
    return _peaks(read, 1) if pair.second.group == 1 else _peaks(read, 0).reshape(channels, -1).max(axis=1)


def _move(program: Program, pair: _Pair, factor: NDArray[np.float64]) -> None:
    """Divide what makes each channel by its factor, and multiply what reads it."""
    made, read = program.const(pair.first.w), program.const(pair.second.w)
    assert made is not None and read is not None
    axis = 1 if pair.second.group == 1 else 0
    rows = np.repeat(factor, read.shape[0] // factor.size) if axis == 0 else factor
    program.give_const(pair.first, Conv.W, _scaled(made, 1 / factor, 0))
    program.give_const(pair.second, Conv.W, _scaled(read, rows, axis))
    bias = program.consts(*pair.first.bias)
    if bias:
        program.give_const(pair.first, Conv.B, _scaled(bias[0], 1 / factor, 0))


def _by_tensor(pairs: Sequence[_Pair], factors: Sequence[NDArray[np.float64]]) -> dict[str, NDArray[np.float32]]:
    """Tell by what the channels of each tensor were divided in all, for those that were."""
    rows = zip(pairs, factors, strict=True)
    return {tensor: row.astype(np.float32) for pair, row in rows if (row != 1).any() for tensor in pair.between}


def _peaks(value: Array, axis: int) -> NDArray[np.float64]:
    """Find the largest magnitude along each place of an axis."""
    others = tuple(other for other in range(value.ndim) if other != axis)
    return np.abs(value).max(axis=others).astype(np.float64)


def _scaled(value: Array, factor: NDArray[np.float64], axis: int) -> Array:
    shape = [-1 if place == axis else 1 for place in range(value.ndim)]
    return (value.astype(np.float64) * factor.reshape(shape)).astype(value.dtype)
