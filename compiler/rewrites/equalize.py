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

from compiler.analysis.quantization import short
from compiler.ir import Array, Conv, Program, ProgramView, model_bytes
from compiler.reference import Session

SWEEPS = 20
_CALM = 1e-3
_LARGEST = 1e4
_HOMOGENEOUS = ("Relu", "LeakyRelu")
_SHARE = 0.6
"""How much a channel's values count against the weights that read it, where those share a scale."""


@dataclass(frozen=True)
class _Pair:
    """Two convolutions with nothing between them that a positive factor would not pass."""

    first: Conv
    second: Conv


def equalize(program: Program) -> tuple[str, ...]:
    """Equalise every pair of convolutions in turn until the factors are near 1; return the layers that changed.

    Linear in weights for each of at most 20 sweeps.
    """
    pairs = list(_pairs(program))
    changed: dict[str, None] = {}
    for _ in range(SWEEPS):
        largest = 0.0
        for pair in pairs:
            factor = _balance(program, pair)
            largest = max(largest, float(np.abs(np.log(factor)).max(initial=0.0)))
            if (factor != 1).any():
                changed |= dict.fromkeys((pair.first.name, pair.second.name))
        if largest < _CALM:
            break
    return tuple(changed)


def even_out(program: Program, peaks: Mapping[str, Sequence[float]]) -> None:
    """Even out channels by the values that they take, where those are known, else by the weights."""
    if peaks:
        level(program, peaks)
    else:
        equalize(program)


def level(program: Program, peaks: Mapping[str, Sequence[float]]) -> None:
    """Let the channels between each pair of convolutions take values of like size.

    `peaks` holds, by the name of the layer that reads, the largest value of each channel. Linear in weights.
    """
    for pair in list(_pairs(program)):
        read = program.const(pair.second.w)
        if pair.second.name not in peaks or read is None:
            continue
        seen = np.asarray(peaks[pair.second.name], np.float64)
        weights = _readers_peaks(pair, read, seen.size)
        is_used = (seen > 0) & (weights > 0)
        share = _SHARE if pair.second.group == 1 else 1.0
        factor = np.ones(seen.size)
        factor[is_used] = seen[is_used] ** share / weights[is_used] ** (1 - share)
        factor[is_used] /= np.exp(np.log(factor[is_used]).mean()) if is_used.any() else 1.0
        _move(program, pair, np.clip(factor, 1 / _LARGEST, _LARGEST))


def channel_peaks(program: Program, samples: Iterable[Mapping[str, Array]]) -> dict[str, tuple[float, ...]]:
    """Find the largest value of each channel between pairs of convolutions, to six digits, as reports hold figures.

    Memory: one sample's activations. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    tensors = {pair.second.name: pair.second.x for pair in _pairs(program)}
    if not tensors:
        return {}
    session = Session(model_bytes(program, tuple(tensors.values())))
    peaks: dict[str, NDArray[np.float64]] = {}
    for sample in samples:
        found = session.run(sample)
        for name, tensor in tensors.items():
            values = _peaks(found[tensor], 1)
            peaks[name] = np.maximum(peaks[name], values) if name in peaks else values
    return {name: tuple(map(short, row)) for name, row in peaks.items()}


def can_equalize(program: ProgramView) -> bool:
    """Tell whether there are two convolutions between which factors can be moved."""
    return next(_pairs(program), None) is not None


def _pairs(program: ProgramView) -> Iterator[_Pair]:
    """Find convolutions whose result goes to one other convolution only."""
    for first in program.each(Conv):
        tensor = first.y
        if not (_has_own_weight(program, first) and program.is_private(tensor)):
            continue
        reader = program.readers(tensor)[0]
        if reader.op_type in _HOMOGENEOUS and not reader.domain and program.is_private(reader.y):
            tensor = reader.y
            reader = program.readers(tensor)[0]
        second = program.producer(reader.y, Conv)
        if (
            second is not None
            and second.x == tensor
            and _has_own_weight(program, second)
            and _is_plain(program, second)
        ):
            yield _Pair(first, second)


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


def _peaks(value: Array, axis: int) -> NDArray[np.float64]:
    """Find the largest magnitude along each place of an axis."""
    others = tuple(other for other in range(value.ndim) if other != axis)
    return np.abs(value).max(axis=others).astype(np.float64)


def _scaled(value: Array, factor: NDArray[np.float64], axis: int) -> Array:
    shape = [-1 if place == axis else 1 for place in range(value.ndim)]
    return (value.astype(np.float64) * factor.reshape(shape)).astype(value.dtype)
