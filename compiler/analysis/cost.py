"""What a network costs: parameters, multiply-accumulates, bytes, and predicted milliseconds on a target.

The latency of a layer is the largest of three times: the launch floor of its class, its multiply-accumulates at the
class's rate for the precision, and its bytes over the memory bandwidth or the class's own; and what starting it adds.
Layers that the target's runtime fuses into the one before them cost nothing, nor do those that move no data there; see
rating.py. Of a network with integers each layer counts in what the runtime really computes it in, and each conversion
that it runs counts as a layer; see integer_layers.py.
"""

import math
from dataclasses import dataclass

import numpy as np

from compiler.analysis.foldable import Foldable, foldable
from compiler.analysis.integer_layers import CONVERSIONS, IntegerLayers, behind_conversions, integer_layers
from compiler.analysis.rating import FREE, FUSED, is_copy, rate_class, rates_of
from compiler.ir import STEERED, BatchNorm, Conv, ConvTranspose, Gemm, MatMul, Op, ProgramView
from compiler.target import CostModel

PRECISION_KEY = "compress.precision"
"""The program's metadata entry that says which precision the board's builder is asked for."""

ITEM_BYTES = {"fp16": 2, "int8": 1}
"""Bytes of a moved element, where they are not 4."""


@dataclass(frozen=True)
class LayerCost:
    """One node's share of the whole."""

    layer: str
    op_type: str
    kind: str
    """The cost class: conv, depthwise, grouped, deconv, gemm, copy, other, or fused."""
    rated: str
    """The class of the target's model whose coefficients were taken; of `conv` there are finer ones."""
    parameters: int
    macs: int
    executed_macs: int
    bytes: int
    """Bytes of inputs, weights and outputs, each moved once."""
    predicted_ms: float
    bound: str
    """What decides the time: launch, compute, memory, or nothing."""
    precision: str = "fp32"
    """What the layer is computed in."""


@dataclass(frozen=True)
class Cost:
    """The sums over a program."""

    parameters: int
    macs: int
    executed_macs: int
    bytes: int
    """Bytes of the parameters as stored."""
    predicted_ms: float


def cost(program: ProgramView, model: CostModel) -> Cost:
    """Add up a program's costs; linear in nodes."""
    live = live_layers(program)
    layers = [layer for layer in layer_costs(program, model) if layer.layer in live]
    parameters, size_bytes = count_parameters(program)
    return Cost(
        parameters=parameters,
        macs=sum(layer.macs for layer in layers),
        executed_macs=sum(layer.executed_macs for layer in layers),
        bytes=size_bytes,
        predicted_ms=sum(layer.predicted_ms for layer in layers),
    )


def layer_costs(program: ProgramView, model: CostModel) -> list[LayerCost]:
    """Cost every node, in topological order."""
    asked = program.metadata.get(PRECISION_KEY, "fp32")
    wide, integers = "fp16" if asked == "fp16" else "fp32", integer_layers(program, model.scheme)
    return [_layer_cost(program, op, model, wide, integers) for op in program.each()]


def count_parameters(program: ProgramView) -> tuple[int, int]:
    """Count floating-point constants that reach an output, and their bytes, as they will be deployed.

    Integers that stand for floating-point constants, behind a DequantizeLinear, count as those.

    A BatchNormalization that folds into its convolution counts as that convolution's bias: its four vectors vanish,
    and a bias appears if there was none.
    """
    counted: dict[str, tuple[int, int]] = {}
    live = live_layers(program)
    for op in program.each():
        if op.name not in live:
            continue
        for tensor in parameters_of(op):
            value = program.const(tensor)
            if value is not None and (is_float(value.dtype) or op.op_type == "DequantizeLinear"):
                counted[tensor] = (value.size, value.nbytes)
    elements = sum(size for size, _ in counted.values())
    size_bytes = sum(nbytes for _, nbytes in counted.values())
    gone: set[str] = set()
    for norm in program.each(BatchNorm):
        pair = foldable(program, norm)
        if norm.name not in live or not isinstance(pair, Foldable):
            continue
        for tensor in norm.params:
            if tensor not in gone and len(program.readers(tensor)) == 1:
                gone.add(tensor)
                elements -= counted[tensor][0]
                size_bytes -= counted[tensor][1]
        if not pair.conv.bias:
            channels, nbytes = counted.get(norm.params[0], (0, 0))
            elements += channels
            size_bytes += nbytes
    return elements, size_bytes


def live_layers(program: ProgramView) -> set[str]:
    """Name the nodes whose results reach an output; one sweep against the flow."""
    wanted, live = set(program.outputs), set[str]()
    for op in reversed(list(program.each())):
        if wanted.intersection(op.outputs):
            live.add(op.name)
            wanted.update((*op.inputs, *op.captures))
    return live


def parameters_of(op: Op) -> tuple[str, ...]:
    """List the inputs of a node that may hold parameters: not the settings, and not what integers are scaled by."""
    if op.domain:
        return op.inputs
    is_first = op.op_type in STEERED or op.op_type in ("QuantizeLinear", "DequantizeLinear")
    return op.inputs[:1] if is_first else op.inputs


def is_float(dtype: np.dtype[np.generic]) -> bool:
    """Tell whether a constant of this type counts as parameters."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


def macs(program: ProgramView, op: Op) -> int:
    """Count the true multiply-accumulates of Conv, ConvTranspose, Gemm and MatMul for the declared input."""
    x, y = program.shape(op.x), program.shape(op.y)
    w = program.shape(op.input(1))
    if x is None or y is None or w is None:
        return 0
    if Conv.fits(op.op_type, op.domain):
        return math.prod(y) * math.prod(w[1:])
    if ConvTranspose.fits(op.op_type, op.domain):
        return math.prod(x) * math.prod(w[1:])
    if Gemm.fits(op.op_type, op.domain):
        depth = x[0] if op.integer("transA", 0) else x[1]
        return math.prod(y) * depth
    if MatMul.fits(op.op_type, op.domain):
        return math.prod(y) * x[-1]
    return 0


def _kind(program: ProgramView, op: Op, model: CostModel, integers: IntegerLayers) -> str:
    """Name a node's cost class."""
    if Conv.fits(op.op_type, op.domain):
        group = op.integer("group", 1)
        shape = program.shape(op.x)
        channels = shape[1] if shape is not None and len(shape) > 1 else 0
        if group == 1:
            return "conv"
        return "depthwise" if group == channels else "grouped"
    if ConvTranspose.fits(op.op_type, op.domain):
        return "deconv"
    if op.op_type in ("Gemm", "MatMul"):
        return "gemm"
    if is_copy(program, op, model):
        return "copy"
    return "fused" if _is_free(program, op, model, integers) else "other"


def _is_free(program: ProgramView, op: Op, model: CostModel, integers: IntegerLayers) -> bool:
    """Tell whether runtimes make a node vanish: bookkeeping, constants, or arithmetic on a result still at hand."""
    if op.domain:
        return False
    if op.op_type in CONVERSIONS:
        return op.name in integers.vanished
    if op.op_type in FREE or all(program.is_constant(tensor) for tensor in op.inputs if tensor):
        return True
    if op.op_type not in FUSED or op.op_type in model.unfused:
        return False
    tensors = [tensor for tensor in op.inputs if tensor]
    if op.name in integers.layers:
        return op.op_type not in model.unfused_integers and any(
            behind_conversions(program, tensor) is not None for tensor in tensors
        )
    makers = [program.producer(tensor) for tensor in tensors]
    return any(maker is not None and maker.op_type not in CONVERSIONS for maker in makers)


def _layer_cost(program: ProgramView, op: Op, model: CostModel, wide: str, integers: IntegerLayers) -> LayerCost:
    """Apply the latency formula to one node; what is not in integers is computed in the precision `wide`."""
    kind = _kind(program, op, model, integers)
    precision = "int8" if op.name in integers.layers else wide
    true_macs = macs(program, op)
    executed = true_macs * _zeros(op) if model.zero_insertion else true_macs
    elements = {tensor: _elements(program, tensor) for tensor in (*op.inputs, *op.outputs) if tensor}
    small = {tensor for tensor in elements if integers.is_stored(program, op, tensor)}
    item = ITEM_BYTES.get(wide, 4)
    moved = sum(count if tensor in small else item * count for tensor, count in elements.items())
    weights = sum(elements[tensor] for tensor in dict.fromkeys(op.inputs) if tensor and program.is_constant(tensor))
    if kind == "fused":
        return LayerCost(
            op.name, op.op_type, kind, kind, weights, true_macs, executed, moved, 0.0, "nothing", precision
        )
    rated, rates = rates_of(model, rate_class(program, op, kind), kind)
    times = {
        "launch": rates.floor_ms,
        "compute": rates.ms_per_gmac.get(precision, rates.ms_per_gmac.get("fp32", 0.0)) * executed / 1e9,
        "memory": moved / model.speed(rates, precision) / 1e6,
    }
    bound = max(times, key=lambda name: times[name])
    spent = times[bound] + rates.launch_ms
    bound = bound if times[bound] >= rates.launch_ms else "launch"
    row = (op.name, op.op_type, kind, rated, weights, true_macs, executed, moved, spent, bound, precision)
    return LayerCost(*row)


def _zeros(op: Op) -> int:
    """Tell by how much inserting zeros multiplies a transposed convolution's work: the product of its strides.

    Runtimes that insert zeros skip that when the kernel equals the stride.
    """
    if not ConvTranspose.fits(op.op_type, op.domain):
        return 1
    strides = op.integers("strides")
    return 1 if op.integers("kernel_shape") == strides else math.prod(strides or (1,))


def _elements(program: ProgramView, tensor: str) -> int:
    shape = program.shape(tensor)
    return 0 if shape is None else math.prod(shape)
