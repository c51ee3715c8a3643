"""Writes a network so that ONNX Runtime computes its integer layers as Arm Compute Library does, bit for bit.

ONNX Runtime multiplies the 32-bit sums of a layer by a float and rounds halves to even. The library multiplies by a
fixed-point number of 31 bits, rounding halves up, and then shifts right, rounding halves away from zero: one result in
a few hundred differs by a step, and later layers spread that. Sums themselves are exact on both. Means of whole images
round halves up; for sums and products of two tensors see exact_pairs.py.
"""

from dataclasses import dataclass

import numpy as np

from compiler.ir import Array, Attribute, Program
from targets.emitters.acl.exact_chain import Chain
from targets.emitters.acl.exact_pairs import PAIRS, write_pair
from targets.emitters.acl.integers import Bytes, Grid, find_bytes, stored

MOST_BEYOND_A_STEP = 0.01
"""Largest share of an integer network's output that may be off by more than one step of its integers."""

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_MEANS = ("AveragePool", "GlobalAveragePool")
_ONE = 2**31
_AWAY = 2**60
"""Keeps sums positive while they are divided, since ONNX's division cuts off towards zero."""
_FLOAT, _INT64 = 1, 7


def exact_twin(program: Program) -> Program:
    """Copy a network, with the layers that sum up bytes in whole numbers; linear in nodes and weights."""
    twin, found = program.clone(), find_bytes(program)
    for name in sorted(found.layers):
        op = twin.op(name)
        if op.op_type in _WEIGHTED:
            _write_layer(Chain(twin, op), found)
        elif op.op_type in _MEANS:
            _write_mean(Chain(twin, op))
        elif op.op_type in PAIRS:
            write_pair(Chain(twin, op), found)
    return twin


@dataclass(frozen=True)
class _Layer:
    """A layer's integers."""

    x: str
    source: Grid
    weight: Array
    weight_grid: Grid
    result: Grid


def _write_layer(chain: Chain, found: Bytes) -> None:
    """Compute a layer's bytes."""
    op, twin = chain.op, chain.twin
    result = chain.result(found)
    x, kept = chain.bytes_of(op.x), stored(twin, op.input(1))
    if x is None or kept is None or kept[1] is None or result is None:
        return
    layer = _Layer(x, found.grids[op.x], kept[0], kept[1], result.grid)
    sums = _sums(chain, layer)
    bias = stored(twin, op.input(2)) if op.has(2) else None
    if bias is not None:
        ones = (1, 1) if op.op_type.startswith("Conv") else ()
        sums = chain.add("Add", [sums, chain.const(bias[0].reshape(-1, *ones))])
    chain.end(chain.bounded(_rescaled(chain, sums, layer), result), result.tensor)


def _sums(chain: Chain, layer: _Layer) -> str:
    """Write the 32-bit sums of products of bytes less their offsets."""
    op = chain.op
    if op.op_type == "Conv":
        return _convolved(chain, layer.x, layer.weight, layer, op.attributes)
    if op.op_type == "ConvTranspose":
        return _transposed(chain, layer)
    weight = layer.weight.T if op.op_type == "Gemm" and op.integer("transB", 0) else layer.weight
    return chain.add("MatMulInteger", [layer.x, *_operands(chain, weight, layer)])


def _convolved(chain: Chain, x: str, weight: Array, layer: _Layer, attributes: dict[str, Attribute]) -> str:
    kept = {key: value for key, value in attributes.items() if key != "kernel_shape"}
    return chain.add("ConvInteger", [x, *_operands(chain, weight, layer)], kept)


def _operands(chain: Chain, weight: Array, layer: _Layer) -> list[str]:
    offsets = (layer.source.offset, layer.weight_grid.offset)
    return [chain.const(np.ascontiguousarray(weight)), *(chain.const(np.asarray(o, np.uint8)) for o in offsets)]


def _transposed(chain: Chain, layer: _Layer) -> str:
    """Spread the bytes apart, zeros between them, and convolve with the turned kernel, as the library does."""
    op = chain.op
    shape, made = chain.twin.shape(op.x), chain.twin.shape(op.y)
    assert shape is not None and made is not None
    steps, kernel = op.integers("strides") or (1, 1), layer.weight.shape[2:]
    pads = [(made[2 + i] - 1 + kernel[i] - ((shape[2 + i] - 1) * steps[i] + 1)) // 2 for i in range(2)]
    zero = chain.const(np.asarray(layer.source.offset, np.uint8))
    apart = chain.add("Reshape", [layer.x, chain.whole(*shape[:3], 1, shape[3], 1)])
    spread = chain.add("Pad", [apart, chain.whole(*[0] * 9, steps[0] - 1, 0, steps[1] - 1), zero])
    image = chain.add("Reshape", [spread, chain.whole(*shape[:2], shape[2] * steps[0], shape[3] * steps[1])])
    ends = [pads[i] - steps[i] + 1 for i in range(2)]
    padded = chain.add("Pad", [image, chain.whole(0, 0, *pads, 0, 0, *ends), zero])
    return _convolved(chain, padded, layer.weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], layer, {})


def fixed_point(factor: float) -> tuple[int, int]:
    """Split a factor below 1 into a whole number of 31 bits and the places that its product is shifted right."""
    share, exponent = np.frexp(np.float64(factor))
    whole, shift = int(np.floor(share * _ONE + 0.5)), -int(exponent)
    return (whole // 2, shift - 1) if whole == _ONE else (whole, shift)


def _rescaled(chain: Chain, sums: str, layer: _Layer) -> str:
    """Write the way from sums to bytes: multiply, shift, and add the offset."""
    factor = np.float32(layer.source.scale) * np.float32(layer.weight_grid.scale) / np.float32(layer.result.scale)
    multiplier, shift = fixed_point(float(factor))
    wide = chain.add("Cast", [sums], {"to": _INT64})
    scaled = chain.add("Mul", [wide, chain.whole(multiplier)])
    scaled = chain.add("Add", [scaled, chain.whole(_ONE // 2 + _AWAY)])
    scaled = chain.add("Div", [scaled, chain.whole(_ONE)])
    scaled = chain.add("Sub", [scaled, chain.whole(_AWAY // _ONE)])
    if shift > 0:
        sign, size = chain.add("Sign", [scaled]), chain.add("Abs", [scaled])
        size = chain.add("Add", [size, chain.whole(2 ** (shift - 1))])
        scaled = chain.add("Mul", [chain.add("Div", [size, chain.whole(2**shift)]), sign])
    return chain.add("Add", [scaled, chain.whole(layer.result.offset)])


def _write_mean(chain: Chain) -> None:
    """Compute the means of whole images of bytes."""
    op = chain.op
    x, shape = chain.bytes_of(op.x), chain.twin.shape(op.x)
    if x is None or shape is None or any(r.op_type != "QuantizeLinear" for r in chain.twin.readers(op.y)):
        return
    axes = chain.const(np.asarray([2, 3], np.int64))
    sums = chain.add("ReduceSum", [chain.add("Cast", [x], {"to": _FLOAT}), axes], {"keepdims": 1})
    share = np.float32(1) / np.asarray(shape[2] * shape[3], np.float32)
    mean = chain.add("Mul", [sums, chain.const(np.asarray(share))])
    rounded = chain.add("Floor", [chain.add("Add", [mean, chain.const(np.asarray(0.5, np.float32))])])
    chain.end(rounded, op.y)
