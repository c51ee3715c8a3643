"""Where TensorRT wants its pairs of QuantizeLinear and DequantizeLinear: in front of layers, not behind them.

What a layer writes stays in floats until the next layer reads it, so that nothing is rounded between a convolution, its
bias, its activation and the addition that it takes in. TensorRT moves pairs over layers that only pick or move values.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from compiler.analysis.quantization.forms import WEIGHTED
from compiler.ir import Op, ProgramView
from compiler.target import QuantScheme

POINTWISE = frozenset(
    {
        "Add", "BatchNormalization", "Celu", "Clip", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul", "PRelu",
        "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sub", "Tanh",
    }
)  # fmt: skip
"""Arithmetic value by value, which TensorRT runs in floats between what one layer writes and the next one reads."""

_IN_BETWEEN = "it runs in floating point, between what one layer in integers writes and what the next one reads"
_ENDS = "no layer in integers reads what it writes, so that nothing is to be gained"


class InputPairs:
    """Decides against the flow, so that what reads a tensor is known before what makes it; linear in nodes.

    `refused` gives the reason for each layer that has to stay in float, None for the others.
    """

    def __init__(self, program: ProgramView, scheme: QuantScheme, refused: Mapping[str, str | None]) -> None:
        self.layers: set[str] = set()
        self.floats: dict[str, str] = {}
        self.rows: list[tuple[str, ...]] = []
        """Tensors that need one scale, row by row."""
        self._pairs: dict[str, None] = {}
        self._ahead: set[str] = set()
        """Tensors that become integers, here or behind layers that only pick or move values."""
        self._soon: set[str] = set()
        """Tensors that do so behind arithmetic value by value."""
        self._program, self._scheme, self._refused = program, scheme, refused
        ops = list(program.each())
        self._places = {op.name: place for place, op in enumerate(ops)}
        for op in reversed(ops):
            self._visit(op)
        for op in ops:
            if self._is_taken_in(op):
                self.layers.add(op.name)
                self.floats.pop(op.name, None)

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that pass a pair, in the network's order."""
        return tuple(reversed(self._pairs))

    def _visit(self, op: Op) -> None:
        """Give a layer its integers, or note why it has none."""
        is_near = any(name in self._ahead or name in self._soon for name in op.outputs)
        why = self._refused[op.name]
        if why is None:
            why = self._take(op, is_near=is_near)
        elif is_near and op.op_type in POINTWISE:
            why = _IN_BETWEEN
        if why is None:
            self.layers.add(op.name)
            return
        self.floats[op.name] = why
        if is_near and op.op_type in POINTWISE:
            self._soon.update(computed(self._program, op.inputs))

    def _take(self, op: Op, *, is_near: bool) -> str | None:
        """Pair what a layer reads; or say why it stays in float."""
        if op.op_type in WEIGHTED:
            self._pair(op.x)
            return None
        if op.op_type == "Add":
            return self._add(op) if is_near else _ENDS
        if op.op_type in self._scheme.fused or not any(name in self._ahead for name in op.outputs):
            return _IN_BETWEEN if is_near else _ENDS
        if op.op_type not in self._scheme.shared:
            self._pair(op.x)
            return None
        inputs = tuple(computed(self._program, op.inputs))
        self.rows.append((*inputs, *computed(self._program, op.outputs)))
        self._ahead.update(inputs)
        return None

    def _add(self, op: Op) -> str | None:
        """Let the layer that is computed last take the addition in, and pair what it adds; else pair both sides."""
        parts = tuple(computed(self._program, op.inputs))
        if len(parts) != 2 or self._program.shape(parts[0]) != self._program.shape(parts[1]):
            return _IN_BETWEEN
        makers = ((name, self._program.producer(name)) for name in parts)
        takers = {name: self._places[maker.name] for name, maker in makers if maker and self._takes_in(name, maker)}
        if not takers and not self._is_read_as_integers(op):
            return "its sum goes on in floating point"
        last = max(takers, key=lambda name: takers[name], default=None)
        for name in parts:
            if name != last:
                self._pair(name)
        return None

    def _takes_in(self, tensor: str, maker: Op) -> bool:
        """Tell whether a layer with weights makes a tensor for one reader alone."""
        is_weighted = maker.op_type in WEIGHTED and self._refused[maker.name] is None
        return is_weighted and self._program.is_private(tensor)

    def _is_read_as_integers(self, op: Op) -> bool:
        readers = self._program.readers(op.y)
        is_alone = len(readers) == 1 and readers[0].op_type in self._scheme.fused
        return (readers[0].y if is_alone else op.y) in self._ahead

    def _is_taken_in(self, op: Op) -> bool:
        """Tell whether an activation belongs to the layer before it."""
        if op.op_type not in self._scheme.fused or self._refused[op.name] is not None:
            return False
        maker = self._program.producer(op.x)
        is_behind = maker is not None and maker.op_type in (*WEIGHTED, "Add") and maker.name in self.layers
        return is_behind and self._program.is_private(op.x)

    def _pair(self, tensor: str) -> None:
        self._pairs[tensor] = None
        self._ahead.add(tensor)


def computed(program: ProgramView, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the tensors of 32-bit floats that the network computes or is given."""
    known = (name for name in names if name and not program.is_constant(name))
    return (name for name in known if program.type(name).dtype == np.float32)
