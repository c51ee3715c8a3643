"""The calls that a program for Arm Compute Library consists of, and the draft that gathers them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from compiler.ir import Array, Op, ProgramView
from targets.emitters.acl.integers import Bytes, Grid, dequantized, factor_obstacle, find_bytes, stored

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Ref:
    """A tensor that an earlier call made."""

    tensor: str


@dataclass(frozen=True, eq=False)
class Weight:
    """A constant in a file of its own; None is the absent one, such as a bias that a layer lacks.

    Bytes have a grid; integers of 32 bits have none, nor have reals.
    """

    value: Array | None
    grid: Grid | None = None

    def map(self, change: Callable[[Array], Array]) -> "Weight":
        """Change the array's form."""
        return Weight(None if self.value is None else change(self.value), self.grid)


@dataclass(frozen=True)
class Form:
    """The shape of a result, and what its bytes stand for if it is bytes."""

    shape: Shape
    grid: Grid | None = None


@dataclass(frozen=True)
class Code:
    """A C++ expression of our own making; nothing in it comes from a model."""

    text: str


Argument: TypeAlias = Ref | Weight | Form | Code | Shape | int | float | tuple[Ref, ...]


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
    bytes: Bytes = field(init=False)
    """What of the network runs on bytes."""
    current: Op | None = None
    """The layer that is being written, if it runs on bytes."""

    def __post_init__(self) -> None:
        """Look once at the whole network."""
        self.bytes = find_bytes(self.program)

    @property
    def is_on_bytes(self) -> bool:
        """Tell whether the layer that is being written runs on bytes."""
        return self.current is not None

    def shape(self, tensor: str) -> Shape:
        """Tell a tensor's shape. Raises Unwritable when it is not fixed."""
        found = self.program.shape(tensor)
        if found is None:
            raise Unwritable(
                "the shape of a tensor that it reads or writes is not fixed", "fix the shape of the inputs"
            )
        return found

    def form(self, tensor: str) -> Form:
        """Tell a result's shape, and its grid where the layer runs on bytes."""
        return Form(self.shape(tensor), self.bytes.grids[tensor] if self.is_on_bytes else None)

    def ref(self, tensor: str) -> Ref:
        """Refer to a computed tensor, or load a constant to compute with."""
        if self.is_on_bytes:
            return self._bytes_of(tensor)
        value = self.real(tensor)
        if value is None:
            while tensor in self.aliases:
                tensor = self.aliases[tensor]
            return Ref(tensor)
        if tensor not in self.stored:
            self.stored[tensor] = tensor
            self.steps.append(Step("constant", "", (Weight(value),), tensor))
        return Ref(tensor)

    def _bytes_of(self, tensor: str) -> Ref:
        """Refer to the bytes that a tensor stands for: a constant's own, or those that a DequantizeLinear reads."""
        kept = stored(self.program, tensor)
        if kept is not None:
            if tensor not in self.stored:
                self.stored[tensor] = tensor
                self.steps.append(Step("constant", "", (Weight(*kept),), tensor))
            return Ref(tensor)
        maker = self.program.producer(tensor)
        name = maker.x if maker is not None and maker.op_type == "DequantizeLinear" else tensor
        while name in self.aliases:
            name = self.aliases[name]
        return Ref(name)

    def weight(self, op: Op, slot: int, what: str) -> Weight:
        """Read an input that must be constant, as a file: reals, or the integers that stand for them."""
        kept = stored(self.program, op.input(slot)) if self.is_on_bytes else None
        return Weight(self.constant(op, slot, what)) if kept is None else Weight(*kept)

    def optional_weight(self, op: Op, slot: int, what: str) -> Weight:
        """Read an input that may be absent and must be constant, as a file."""
        return self.weight(op, slot, what) if op.has(slot) else Weight(None)

    def insist_on_factor(self, op: Op, result: str) -> None:
        """Raise Unwritable when a layer's sums cannot be brought to the scale of its result."""
        if self.is_on_bytes:
            why = factor_obstacle(self.program, op, self.bytes, self.bytes.grids[result])
            if why is not None:
                raise Unwritable(why, "calibrate its result over a wider range, or leave the layer out of ptq")

    def add(self, method: str, op: Op, arguments: Sequence[Argument], result: str | None = None) -> None:
        """Append the call for a node."""
        self.steps.append(Step(method, op.name, tuple(arguments), op.y if result is None else result))

    def constant(self, op: Op, slot: int, what: str) -> Array:
        """Read an input that must be constant."""
        value = self.real(op.input(slot))
        if value is None:
            raise Unwritable(f"its {what} is computed at run time", "fold the nodes that compute it into a constant")
        return value

    def optional(self, op: Op, slot: int, what: str) -> Array | None:
        """Read an input that may be absent and must be constant."""
        return self.constant(op, slot, what) if op.has(slot) else None

    def real(self, tensor: str) -> Array | None:
        """Read a constant, also where integers stand for it; None for a tensor that is computed."""
        value = self.program.const(tensor)
        return dequantized(self.program, tensor) if value is None else value

    def only_reader(self, tensor: str) -> Op | None:
        """Find the one node that reads a tensor, if nothing else does."""
        return self.program.readers(tensor)[0] if self.program.is_private(tensor) else None


def scalar(value: Array | None) -> float | None:
    """Read a constant of one element."""
    return None if value is None or value.size != 1 else float(np.asarray(value).reshape(()))
