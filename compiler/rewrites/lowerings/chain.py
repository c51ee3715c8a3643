"""Adds the nodes that stand in for one node; the last of them is the node itself, with its name and its outputs."""

from collections.abc import Mapping, Sequence

import numpy as np

from compiler.ir import Array, Attribute, Op, Program, TensorType

NOT_KNOWN = "the shape or the element type of its input is not known"
COMPUTED = "an input of it is computed at run time"


class Chain:
    """Adds nodes in front of an operator, and turns it into the last of them."""

    def __init__(self, program: Program, op: Op) -> None:
        self.program, self.op = program, op
        self._dtype = program.type(op.y).dtype

    def number(self, value: float) -> str:
        """Store a number in the element type of the result."""
        return self.program.add_constant(f"{self.op.name}_number", np.asarray(value, self._dtype))

    def numbers(self, values: Array) -> str:
        """Store an array in the element type of the result."""
        return self.program.add_constant(f"{self.op.name}_numbers", np.ascontiguousarray(values, self._dtype))

    def integers(self, values: Sequence[int]) -> str:
        """Store a list of integers: a shape, axes, places."""
        return self.program.add_constant(f"{self.op.name}_integers", np.asarray(values, np.int64))

    def add(
        self,
        op_type: str,
        inputs: Sequence[str],
        shape: Sequence[int],
        attributes: Mapping[str, Attribute] | None = None,
    ) -> str:
        """Add a node with one output of a known shape, and name the output."""
        name = self.program.fresh(f"{self.op.name}_{op_type.lower()}")
        self.program.add(op_type, inputs, [name], attributes, name=name)
        self.program.set_type(name, TensorType(self._dtype, tuple(shape)))
        return name

    def reshape(self, tensor: str, shape: Sequence[int]) -> str:
        """Add a change of shape."""
        return self.add("Reshape", [tensor, self.integers(shape)], shape)

    def end(self, op_type: str, inputs: Sequence[str], attributes: Mapping[str, Attribute] | None = None) -> None:
        """Turn the operator into the last node."""
        self.program.retype(self.op, op_type, inputs)
        for key, value in (attributes or {}).items():
            self.program.set_attribute(self.op, key, value)

    def end_reshaped(self, tensor: str, shape: Sequence[int]) -> None:
        """Turn the operator into a change of shape."""
        self.end("Reshape", [tensor, self.integers(shape)])


def shape_of(program: Program, op: Op) -> tuple[int, ...] | None:
    """Read the shape of an operator's first input, if it is a floating-point tensor of a known shape."""
    kind = program.type(op.x)
    return kind.static_shape if kind.dtype is not None and kind.dtype.kind == "f" else None
