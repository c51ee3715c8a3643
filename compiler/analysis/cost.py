"""What a network costs: parameters, multiply-accumulates, bytes, and predicted milliseconds on a target.

The latency of a layer is the largest of three times: the launch floor of its class, its multiply-accumulates at the
class's rate for the precision, and its bytes over the memory bandwidth; and what starting it adds. Layers that the
target's runtime fuses into the one before them cost nothing, nor do those that move no data there; see rating.py.
"""

from dataclasses import dataclass

import numpy as np

from compiler.analysis.foldable import Foldable, foldable
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
    return Cost(
        parameters=count_parameters(program)[0],
        macs=sum(layer.macs for layer in layers),
        executed_macs=sum(layer.executed_macs for layer in layers),
        bytes=count_parameters(program)[1],
        predicted_ms=sum(layer.predicted_ms for layer in layers),
    )


def layer_costs(program: ProgramView, model: CostModel) -> list[LayerCost]:
    """Cost every node, in topological order."""
    precision = program.metadata.get(PRECISION_KEY, "fp32")
    return [_layer_cost(program, op, model, precision) for op in program.each()]


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
        return int(np.prod(y)) * int(np.prod(w[1:]))
    if ConvTranspose.fits(op.op_type, op.domain):
        return int(np.prod(x)) * int(np.prod(w[1:]))
    if Gemm.fits(op.op_type, op.domain):
        depth = x[0] if op.integer("transA", 0) else x[1]
        return int(np.prod(y)) * depth
    if MatMul.fits(op.op_type, op.domain):
        return int(np.prod(y)) * x[-1]
    return 0


def _kind(program: ProgramView, op: Op, model: CostModel) -> str:
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
    return "fused" if _is_free(program, op, model) else "other"


def _is_free(program: ProgramView, op: Op, model: CostModel) -> bool:
    """Tell whether runtimes make a node vanish: bookkeeping, constants, or arithmetic on a result still at hand."""
    if op.domain:
        return False
    if op.op_type in FREE:
        return True
    if op.op_type == "QuantizeLinear":
        return _is_integer_layer(program, program.producer(op.x))
    if op.op_type == "DequantizeLinear":
        readers = program.readers(op.y)
        return program.is_constant(op.x) or any(_is_integer_layer(program, reader) for reader in readers)
    if all(program.is_constant(tensor) for tensor in op.inputs if tensor):
        return True
    makers = [program.producer(tensor) for tensor in op.inputs if tensor]
    is_fused = op.op_type in FUSED and op.op_type not in model.unfused
    return is_fused and any(maker is not None for maker in makers)


def _is_integer_layer(program: ProgramView, op: Op | None) -> bool:
    """Tell whether a runtime computes a layer in integers: what it reads and what it writes are integers."""
    if op is None:
        return False
    is_read = all(_made_by(program, name, "DequantizeLinear") for name in op.inputs[:2] if name)
    readers = program.readers(op.y)
    while len(readers) == 1 and readers[0].op_type in FUSED and readers[0].op_type != "DequantizeLinear":
        readers = program.readers(readers[0].y)
    return is_read and len(readers) == 1 and readers[0].op_type == "QuantizeLinear"


def _made_by(program: ProgramView, tensor: str, op_type: str) -> bool:
    maker = program.producer(tensor)
    return maker is not None and maker.op_type == op_type


def layer_precision(program: ProgramView, op: Op, kind: str, precision: str) -> str:
    """Tell the precision that a layer is computed in: of an integer network, not all layers are in integers."""
    if precision == "int8" and kind != "fused" and not _is_integer_layer(program, op):
        return "fp32"
    return precision


def _layer_cost(program: ProgramView, op: Op, model: CostModel, precision: str) -> LayerCost:
    """Apply the latency formula to one node."""
    kind = _kind(program, op, model)
    precision = layer_precision(program, op, kind, precision)
    true_macs = macs(program, op)
    executed = true_macs * _zeros(op) if model.zero_insertion else true_macs
    item = ITEM_BYTES.get(precision, 4)
    elements = {tensor: _elements(program, tensor) for tensor in (*op.inputs, *op.outputs) if tensor}
    moved = item * sum(elements.values())
    weights = sum(elements[tensor] for tensor in dict.fromkeys(op.inputs) if tensor and program.is_constant(tensor))
    if kind == "fused":
        return LayerCost(op.name, op.op_type, kind, kind, weights, true_macs, executed, moved, 0.0, "nothing")
    rated, rates = rates_of(model, rate_class(program, op, kind), kind)
    times = {
        "launch": rates.floor_ms,
        "compute": rates.ms_per_gmac.get(precision, rates.ms_per_gmac.get("fp32", 0.0)) * executed / 1e9,
        "memory": moved / model.bandwidth_gbps / 1e6,
    }
    bound = max(times, key=lambda name: times[name])
    spent = times[bound] + rates.launch_ms
    bound = bound if times[bound] >= rates.launch_ms else "launch"
    return LayerCost(op.name, op.op_type, kind, rated, weights, true_macs, executed, moved, spent, bound)


def _zeros(op: Op) -> int:
    """Tell by how much inserting zeros multiplies a transposed convolution's work: the product of its strides.

    Runtimes that insert zeros skip that when the kernel equals the stride.
    """
    if not ConvTranspose.fits(op.op_type, op.domain):
        return 1
    strides = op.integers("strides")
    return 1 if op.integers("kernel_shape") == strides else int(np.prod(strides or (1,)))


def _elements(program: ProgramView, tensor: str) -> int:
    shape = program.shape(tensor)
    return 0 if shape is None else int(np.prod(shape))
