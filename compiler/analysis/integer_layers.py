"""Which layers of a network with QuantizeLinear and DequantizeLinear a runtime computes in integers.

Between the two operators a tensor is integers. A layer that the runtime has an integer kernel for takes in the pairs
around it. One without computes in floats, and the conversions at its borders are work of their own, unless the runtime
lets its float kernels read and write integers, as TensorRT does.
"""

from dataclasses import dataclass

import numpy as np

from compiler.board import QuantScheme
from compiler.ir import Op, ProgramView

CONVERSIONS = ("QuantizeLinear", "DequantizeLinear")
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True)
class IntegerLayers:
    """What computes in integers, and which conversions nothing has to be run for."""

    layers: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    """Tensors that their makers write as integers."""
    vanished: frozenset[str] = frozenset()
    """Conversions that no kernel stands for."""
    converts: bool = False
    """Whether kernels in floats read and write integers."""

    def is_stored(self, program: ProgramView, op: Op, tensor: str) -> bool:
        """Tell whether a node finds or leaves a tensor as 8-bit integers."""
        if op.op_type in CONVERSIONS:
            return (tensor == op.x) == (op.op_type == "DequantizeLinear")
        if op.name not in self.layers and not self.converts:
            return False
        return tensor in self.written if tensor in op.outputs else _comes_from(program, tensor, "DequantizeLinear")


def integer_layers(program: ProgramView, scheme: QuantScheme | None) -> IntegerLayers:
    """Find them for a target's scheme; without one nothing computes in integers. Linear in nodes."""
    ops = list(program.each())
    if all(op.op_type not in CONVERSIONS for op in ops):
        return IntegerLayers()
    layers, written = set[str](), set[str]()
    if scheme is not None:
        written = _written(program, ops, scheme)
        for op in ops:
            if op.op_type in scheme.operators and not op.domain and _is_integer(program, op, scheme, layers, written):
                layers.add(op.name)
    converts = scheme is not None and scheme.name == "tensorrt-int8"
    vanished = {op.name for op in ops if op.op_type in CONVERSIONS and _vanishes(program, op, layers, converts)}
    return IntegerLayers(frozenset(layers), frozenset(written), frozenset(vanished), converts)


def real_source(program: ProgramView, tensor: str) -> str:
    """Look through the pairs that a tensor passes at what they read."""
    maker = program.producer(tensor)
    while maker is not None and maker.op_type in CONVERSIONS:
        tensor = maker.x
        maker = program.producer(tensor)
    return tensor


def behind_conversions(program: ProgramView, tensor: str) -> Op | None:
    """Find what computes a tensor, looking through the pair that it passes."""
    return program.producer(real_source(program, tensor))


def _written(program: ProgramView, ops: list[Op], scheme: QuantScheme) -> set[str]:
    """Find the tensors that go into integers and nowhere else, also behind layers that pass them on."""
    passing = {*scheme.fused, *_passing(scheme)}
    found: set[str] = set()
    for op in reversed(ops):
        for tensor in op.outputs:
            readers = program.readers(tensor)
            if not readers or program.is_output(tensor):
                continue
            if all(
                reader.op_type == "QuantizeLinear" or (reader.op_type in passing and found.issuperset(reader.outputs))
                for reader in readers
            ):
                found.add(tensor)
    return found


def _passing(scheme: QuantScheme) -> tuple[str, ...]:
    """List the operators between which no pair is needed, as they pick or move integers."""
    return scheme.shared if scheme.name == "tensorrt-int8" else scheme.moves


def _is_integer(program: ProgramView, op: Op, scheme: QuantScheme, layers: set[str], written: set[str]) -> bool:
    """Tell whether a layer, whose operator has an integer kernel, finds and leaves integers."""
    is_tensorrt = scheme.name == "tensorrt-int8"
    maker = program.producer(op.x)
    if op.op_type in scheme.fused and maker is not None and maker.name in layers and program.is_private(op.x):
        return True
    is_written = written.issuperset(op.outputs)
    if op.op_type in _WEIGHTED:
        is_read = all(_is_read(program, tensor, scheme, layers) for tensor in op.inputs[:2])
        return is_read and (is_written or is_tensorrt)
    parts = [name for name in op.inputs if name and not _is_setting(program, name)]
    if is_tensorrt and op.op_type in scheme.shared:
        return is_written
    is_read = [_is_read(program, tensor, scheme, layers) for tensor in parts]
    if is_tensorrt and op.op_type == "Add" and sum(is_read) == len(parts) - 1:
        taker = program.producer(parts[is_read.index(False)])
        return taker is not None and taker.op_type in _WEIGHTED and taker.name in layers
    return bool(parts) and all(is_read) and is_written


def _is_read(program: ProgramView, tensor: str, scheme: QuantScheme, layers: set[str]) -> bool:
    """Tell whether a layer finds a tensor as integers."""
    maker = program.producer(tensor)
    if maker is None:
        return False
    return maker.op_type == "DequantizeLinear" or (maker.op_type in _passing(scheme) and maker.name in layers)


def _is_setting(program: ProgramView, tensor: str) -> bool:
    """Tell whether a constant steers an operator, such as a shape or a bound, so that it is not computed with."""
    return program.is_constant(tensor) or program.type(tensor).dtype != np.float32


def _vanishes(program: ProgramView, op: Op, layers: set[str], converts: bool) -> bool:  # noqa: FBT001 - a fact, no switch
    """Tell whether a conversion is part of the layers around it, or done once when the network is loaded."""
    maker = program.producer(op.x)
    if op.op_type == "QuantizeLinear":
        is_part = maker is not None and (converts or maker.name in layers)
        return program.is_constant(op.x) or is_part
    if program.is_constant(op.x) or (maker is not None and program.is_constant(maker.x)):
        return True
    readers = program.readers(op.y)
    return not program.is_output(op.y) and (converts or all(reader.name in layers for reader in readers))


def _comes_from(program: ProgramView, tensor: str, op_type: str) -> bool:
    maker = program.producer(tensor)
    return maker is not None and maker.op_type == op_type
