"""A network in the making: named tensors of known shape, and weights of a size that keeps values near 1."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from compiler.ir import Array, Attribute, Program, TensorType, refresh_types

Shape = tuple[int, ...]


class Sketch:
    """Adds layers by drawing what they read and how they are set. All tensors are images [1, channels, h, w]."""

    def __init__(self, draw: st.DrawFn, rng: np.random.Generator) -> None:
        self.draw = draw
        self.rng = rng
        self.program = Program("drawn", {"": 13})
        self.tensors: list[str] = []
        self._shapes: dict[str, Shape] = {}

    def start(self, channels: int, height: int, width: int) -> None:
        """Declare the input."""
        self._shapes["x"] = (1, channels, height, width)
        self.program.add_input("x", TensorType(np.dtype(np.float32), self._shapes["x"]))
        self.tensors.append("x")

    def shape(self, tensor: str) -> Shape:
        """Tell a tensor's shape."""
        return self._shapes[tensor]

    def pick(self) -> str:
        """Draw a tensor; mostly the latest, so that networks grow deep."""
        return self.draw(st.sampled_from([*self.tensors, *self.tensors[-3:], *self.tensors[-1:] * 3]))

    def pick_like(self, tensor: str) -> str:
        """Draw a tensor of the same shape, which may be the same one."""
        return self.draw(st.sampled_from([name for name in self.tensors if self.shape(name) == self.shape(tensor)]))

    def number(self, low: int, high: int) -> int:
        """Draw an integer."""
        return self.draw(st.integers(low, high))

    def chance(self) -> bool:
        """Draw yes or no."""
        return self.draw(st.booleans())

    def weight(self, *shape: int) -> str:
        """Store a random weight, scaled by what it sums over."""
        fan_in = int(np.prod(shape[1:])) or 1
        return self.constant(self.rng.normal(0, 1 / np.sqrt(fan_in), shape).astype(np.float32))

    def vector(self, *shape: int, low: float = -1.0) -> str:
        """Store random numbers between `low` and 1.5."""
        return self.constant(self.rng.uniform(low, 1.5, shape).astype(np.float32))

    def integers(self, *values: int) -> str:
        """Store a list of 64-bit integers."""
        return self.constant(np.asarray(values, dtype=np.int64))

    def constant(self, value: Array) -> str:
        """Store a constant."""
        return self.program.add_constant("k", value)

    def add(
        self, op_type: str, inputs: Sequence[str], shape: Shape, attributes: dict[str, Attribute] | None = None
    ) -> str:
        """Add a node with one output of a known shape; images join what later layers may read."""
        output = self.program.fresh(op_type.lower())
        self.program.add(op_type, inputs, [output], attributes, name=f"{output}_node")
        self._shapes[output] = shape
        if len(shape) == 4:
            self.tensors.append(output)
        return output

    def add_split(self, tensor: str, widths: Sequence[int]) -> None:
        """Add a Split along the channels."""
        _, _, height, width = self.shape(tensor)
        outputs: list[str] = []
        for size in widths:
            outputs.append(f"{tensor}_part{len(self._shapes)}")
            self._shapes[outputs[-1]] = (1, size, height, width)
        self.program.add("Split", [tensor, self.integers(*widths)], outputs, {"axis": 1}, name=f"{outputs[0]}_node")
        self.tensors += outputs

    def done(self) -> Program:
        """Infer types and forget how the network was made."""
        refresh_types(self.program)
        self.program.drop_unused()
        self.program.clear_journal()
        return self.program
