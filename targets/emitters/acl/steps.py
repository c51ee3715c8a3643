"""The calls that a program for Arm Compute Library consists of, and the draft that gathers them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from compiler.ir import Array, Op, ProgramView

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Ref:
    """A tensor that an earlier call made."""

    tensor: str


@dataclass(frozen=True, eq=False)
class Weight:
    """A constant in a file of its own; None is the absent one, such as a bias that a layer lacks."""

    value: Array | None


@dataclass(frozen=True)
class Code:
    """A C++ expression of our own making; nothing in it comes from a model."""

    text: str


Argument: TypeAlias = Ref | Weight | Code | Shape | int | float | tuple[Ref, ...]


@dataclass(frozen=True)
class Step:
    """One call of the builder: its method, the layer that it stands for, and the tensor that it makes."""

    method: str
    layer: str
    arguments: tuple[Argument, ...]
    result: str | None


class Unwritable(Exception):  # noqa: N818 - it is a finding, not a fault
    """A node that no call can stand for. The text says why, `help` what to do."""

    def __init__(self, why: str, help: str) -> None:  # noqa: A002 - the diagnostic's word
        super().__init__(why)
        self.why = why
        self.help = help


@dataclass
class Draft:
    """A program in the making: calls in order, and which tensor stands for which."""

    program: ProgramView
    steps: list[Step] = field(default_factory=list[Step])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    """Tensors that equal an earlier one: results of Identity and of layers that work in place."""
    done: set[str] = field(default_factory=set[str])
    """Nodes that an earlier call took in."""
    stored: dict[str, str] = field(default_factory=dict[str, str])

    def shape(self, tensor: str) -> Shape:
        """Tell a tensor's shape. Raises Unwritable when it is not fixed."""
        found = self.program.shape(tensor)
        if found is None:
            raise Unwritable(
                "the shape of a tensor that it reads or writes is not fixed", "fix the shape of the inputs"
            )
        return found

    def ref(self, tensor: str) -> Ref:
        """Refer to a computed tensor, or load a constant to compute with."""
        value = self.program.const(tensor)
        if value is None:
            while tensor in self.aliases:
                tensor = self.aliases[tensor]
            return Ref(tensor)
        if tensor not in self.stored:
            self.stored[tensor] = tensor
            self.steps.append(Step("constant", "", (Weight(value),), tensor))
        return Ref(tensor)

    def add(self, method: str, op: Op, arguments: Sequence[Argument], result: str | None = None) -> None:
        """Append the call for a node."""
        self.steps.append(Step(method, op.name, tuple(arguments), op.y if result is None else result))

    def constant(self, op: Op, slot: int, what: str) -> Array:
        """Read an input that must be constant."""
        value = self.program.const(op.input(slot))
        if value is None:
            raise Unwritable(f"its {what} is computed at run time", "fold the nodes that compute it into a constant")
        return value

    def optional(self, op: Op, slot: int, what: str) -> Array | None:
        """Read an input that may be absent and must be constant."""
        return self.constant(op, slot, what) if op.has(slot) else None

    def only_reader(self, tensor: str) -> Op | None:
        """Find the one node that reads a tensor, if nothing else does."""
        return self.program.readers(tensor)[0] if self.program.is_private(tensor) else None


def scalar(value: Array | None) -> float | None:
    """Read a constant of one element."""
    return None if value is None or value.size != 1 else float(np.asarray(value).reshape(()))
