"""Write a network with integers: each quantised tensor passes a QuantizeLinear and a DequantizeLinear.

Between the two it is an integer. A runtime with integer kernels takes the pairs around a layer into the layer; one
without computes in float what the integers stand for. Weights and biases are stored as integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from compiler.analysis.quantization.layout import WEIGHTED, Layout
from compiler.analysis.quantization.parameters import Grid, quantized, weight_grid
from compiler.analysis.quantization.weights import weight_grid_of
from compiler.ir import Array, Op, Program, TensorType
from compiler.target import QuantScheme

_BIAS_LIMIT = 2**31 - 1
_PAIRS = ("Add", "Sum", "Sub", "Mul")


def quantize(
    program: Program,
    layout: Layout,
    grids: Mapping[str, Grid],
    scheme: QuantScheme,
    means: Mapping[str, Sequence[float]],
) -> None:
    """Put the pairs in and store the weights of the quantised layers as integers; linear in nodes and weights.

    Where a convolution's input has known channel means, its bias takes up what rounding the weights shifts on average.
    """
    layers = set(layout.layers)
    read = {name: program.op(name).x for name in layout.layers}
    real = {name: _insert_pair(program, name, grids[layout.roots[name]], layers) for name in layout.tensors}
    for name, source in read.items():
        op = program.op(name)
        for slot, tensor in enumerate(op.inputs):
            if tensor in real:
                program.set_input(op, slot, real[tensor])
        if op.op_type in WEIGHTED:
            _store_weights(program, op, grids[layout.roots[source]], scheme, means.get(source))
        elif scheme.name != "tensorrt-int8" and op.op_type in _PAIRS:
            _store_operand(program, op)


def _insert_pair(program: Program, tensor: str, grid: Grid, layers: set[str]) -> str:
    """Pass a tensor through integers; return the name that quantised layers read.

    What a quantised layer writes is an integer for everyone who reads it. What comes from elsewhere keeps its float
    value for readers that compute in float.
    """
    scale = program.add_constant(f"{tensor}_scale", np.asarray(grid.scale, dtype=np.float32))
    zero = program.add_constant(f"{tensor}_zero_point", np.asarray(grid.zero_point, dtype=grid.dtype))
    maker = program.producer(tensor)
    is_integer = maker is not None and maker.name in layers
    source = program.free_name(tensor) if is_integer else tensor
    result = tensor if is_integer else program.fresh(f"{tensor}_real")
    integer = program.fresh(f"{tensor}_integer")
    program.add("QuantizeLinear", [source, scale, zero], [integer], name=f"{tensor}_quantize")
    program.add("DequantizeLinear", [integer, scale, zero], [result], name=f"{tensor}_dequantize")
    program.set_type(integer, replace(program.type(source), dtype=np.dtype(grid.dtype)))
    program.set_type(result, program.type(source))
    return result


def _store_weights(program: Program, op: Op, source: Grid, scheme: QuantScheme, means: Sequence[float] | None) -> None:
    """Replace a layer's weight and bias by integers behind a DequantizeLinear each."""
    weight = program.const(op.input(1))
    assert weight is not None
    grid = weight_grid_of(op, weight, scheme)
    scales, row, zero = grid.scales, grid.row(weight.ndim), grid.zero
    stored = quantized(weight, row, zero, scheme.weights)
    if means is not None and op.op_type == "Conv":
        _take_up_shift(program, op, weight - (stored.astype(np.float64) - zero) * row, means)
    zeros = np.full(scales.shape, zero, scheme.weights)
    if scheme.name == "tensorrt-int8":
        _round_trip(program, op, (stored * row).astype(np.float32), scales, zeros, grid.axis)
        return
    _dequantized(program, op, 1, stored, scales, zeros, grid.axis)
    if op.op_type != "MatMul" and op.has(2):
        _store_bias(program, op, scales, source.scale)


def _store_operand(program: Program, op: Op) -> None:
    """Replace a constant that is combined with a tensor by integers behind a DequantizeLinear."""
    for slot, name in enumerate(op.inputs):
        value = program.const(name)
        if value is None:
            continue
        grid = weight_grid(value)
        scale = np.asarray(grid.scale)
        stored = quantized(value, scale, grid.zero_point, grid.dtype)
        _dequantized(program, op, slot, stored, scale, np.asarray(grid.zero_point, grid.dtype), 0)


def _take_up_shift(program: Program, op: Op, lost: Array, means: Sequence[float]) -> None:
    """Add to a convolution's bias what its output loses on average: the lost weights times the channels' means.

    Exact in the mean but for the border, where padding has other means (Nagel et al., ICCV 2019, section 4.2).
    """
    group = op.integer("group", 1)
    sums = lost.reshape(*lost.shape[:2], -1).sum(axis=2)  # [filters, channels of a group]
    rows = np.asarray(means, dtype=np.float64).reshape(group, -1).repeat(lost.shape[0] // group, axis=0)
    bias = program.const(op.input(2)) if op.has(2) else np.zeros(lost.shape[0], np.float32)
    assert bias is not None
    program.give_const(op, 2, (bias + (sums * rows).sum(axis=1)).astype(np.float32))


def _store_bias(program: Program, op: Op, weight_scale: Array, input_scale: float) -> None:
    """Store a bias in 32 bits, in the scale of the products that it is added to."""
    bias = program.const(op.input(2))
    assert bias is not None
    scale = np.maximum(weight_scale * input_scale, np.finfo(np.float32).tiny)
    whole = np.clip(np.rint(bias.astype(np.float64) / scale), -_BIAS_LIMIT, _BIAS_LIMIT).astype(np.int32)
    _dequantized(program, op, 2, whole, scale, np.zeros(scale.shape, np.int32), 0)


def _round_trip(  # noqa: PLR0913, PLR0917 - the operands of both operators
    program: Program, op: Op, weight: Array, scale: Array, zero: Array, axis: int
) -> None:
    """Let a layer read its weight through a QuantizeLinear and a DequantizeLinear; no value changes on the way."""
    stem = f"{op.name}_1"
    program.give_const(op, 1, weight)
    names = [
        program.add_constant(f"{stem}_scale", np.asarray(scale, dtype=np.float32)),
        program.add_constant(f"{stem}_zero_point", zero),
    ]
    integer, real = program.fresh(f"{stem}_integer"), program.fresh(f"{stem}_real")
    attributes = {"axis": axis} if np.ndim(scale) else {}
    program.add("QuantizeLinear", [op.input(1), *names], [integer], attributes, name=f"{stem}_quantize")
    program.add("DequantizeLinear", [integer, *names], [real], attributes, name=f"{stem}_dequantize")
    program.set_type(integer, TensorType(zero.dtype, weight.shape))
    program.set_type(real, TensorType(np.dtype(np.float32), weight.shape))
    program.set_input(op, 1, real)


def _dequantized(  # noqa: PLR0913, PLR0917 - the operands of DequantizeLinear
    program: Program, op: Op, slot: int, integers: Array, scale: Array, zero: Array, axis: int
) -> None:
    """Let an input slot read integers through a DequantizeLinear."""
    stem = f"{op.name}_{slot}"
    names = [
        program.add_constant(f"{stem}_integers", integers),
        program.add_constant(f"{stem}_scale", np.asarray(scale, dtype=np.float32)),
        program.add_constant(f"{stem}_zero_point", zero),
    ]
    output = program.fresh(f"{stem}_real")
    attributes = {"axis": axis} if np.ndim(scale) else {}
    program.add("DequantizeLinear", names, [output], attributes, name=f"{stem}_dequantize")
    program.set_type(output, TensorType(np.dtype(np.float32), integers.shape))
    program.set_input(op, slot, output)
