"""Cross-layer equalisation: let neighbouring layers share the burden of wide filters; the outputs stay as they are.

A positive factor taken out of a filter passes through Relu, LeakyRelu or nothing and is put back into the weights
that read the filter. With s = sqrt(r1 / r2), where r1 and r2 are the largest weights that make and that read a
channel, both sides end up with the range sqrt(r1 r2) (Nagel et al., ICCV 2019). One scale for a whole layer then
fits all its filters.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array, Conv, Program

SWEEPS = 20
_CALM = 1e-3
_LARGEST = 1e4
_HOMOGENEOUS = ("Relu", "LeakyRelu")


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


def _pairs(program: Program) -> Iterator[_Pair]:
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


def _has_own_weight(program: Program, conv: Conv) -> bool:
    """Tell whether a layer's weight and bias are constants that nobody else reads."""
    return all(program.is_constant(name) and len(program.readers(name)) == 1 for name in (conv.w, *conv.bias))


def _is_plain(program: Program, conv: Conv) -> bool:
    """Tell whether each input channel meets weights of its own: one group, or one channel in each."""
    weight = program.const(conv.w)
    return weight is not None and (conv.group == 1 or weight.shape[1] == 1)


def _balance(program: Program, pair: _Pair) -> NDArray[np.float64]:
    """Move the factors of one pair from the first layer to the second; return them."""
    made, read = program.const(pair.first.w), program.const(pair.second.w)
    assert made is not None and read is not None
    axis = 1 if pair.second.group == 1 else 0
    r1, r2 = _peaks(made, 0), _peaks(read, axis)
    if axis == 0 and r2.size != r1.size:  # a depthwise layer with several filters for each channel
        r2 = r2.reshape(r1.size, -1).max(axis=1)
    is_used = (r1 > 0) & (r2 > 0)
    ratio = np.where(is_used, r1 / np.where(is_used, r2, 1.0), 1.0)
    factor = np.clip(np.sqrt(ratio), 1 / _LARGEST, _LARGEST)
    rows = np.repeat(factor, read.shape[0] // factor.size) if axis == 0 else factor
    program.give_const(pair.first, Conv.W, _scaled(made, 1 / factor, 0))
    program.give_const(pair.second, Conv.W, _scaled(read, rows, axis))
    bias = program.consts(*pair.first.bias)
    if bias:
        program.give_const(pair.first, Conv.B, _scaled(bias[0], 1 / factor, 0))
    return factor


def _peaks(weight: Array, axis: int) -> NDArray[np.float64]:
    others = tuple(other for other in range(weight.ndim) if other != axis)
    return np.abs(weight.astype(np.float64)).max(axis=others)


def _scaled(value: Array, factor: NDArray[np.float64], axis: int) -> Array:
    shape = [-1 if place == axis else 1 for place in range(value.ndim)]
    return (value.astype(np.float64) * factor.reshape(shape)).astype(value.dtype)
