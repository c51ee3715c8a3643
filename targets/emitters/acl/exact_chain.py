"""Adds the nodes that compute a layer's bytes, and ends them where the layer's result becomes bytes."""

from dataclasses import dataclass

import numpy as np

from compiler.ir import Array, Attribute, Op, Program
from targets.emitters.acl.integers import Bytes, Grid

_UINT8 = 2


@dataclass(frozen=True)
class Result:
    """The tensor that becomes bytes, what those stand for, and the bounds of an activation behind the layer."""

    tensor: str
    grid: Grid
    least: int
    most: int


@dataclass(frozen=True)
class Chain:
    """Adds nodes for one layer."""

    twin: Program
    op: Op

    def const(self, value: Array) -> str:
        """Store a constant."""
        return self.twin.add_constant(f"{self.op.name}_exact", value)

    def whole(self, *numbers: int) -> str:
        """Store 64-bit integers: one alone, or a row."""
        return self.const(np.asarray(numbers, np.int64).reshape(() if len(numbers) == 1 else (-1,)))

    def add(self, op_type: str, inputs: list[str], attributes: dict[str, Attribute] | None = None) -> str:
        """Add a node and name its result."""
        result = self.twin.fresh(f"{self.op.name}_exact")
        self.twin.add(op_type, inputs, [result], attributes, name=result)
        return result

    def cast(self, tensor: str, kind: int) -> str:
        """Change the element type, to ONNX's number for one."""
        return self.add("Cast", [tensor], {"to": kind})

    def bytes_of(self, tensor: str) -> str | None:
        """Find the bytes that a tensor stands for."""
        maker = self.twin.producer(tensor)
        return maker.x if maker is not None and maker.op_type == "DequantizeLinear" else None

    def result(self, found: Bytes) -> Result | None:
        """Find what the layer, with an activation that it takes in, leaves; None if something else reads it."""
        twin, op = self.twin, self.op
        follower = twin.readers(op.y)[0] if twin.is_private(op.y) else None
        taken = follower if follower is not None and follower.op_type in ("Relu", "Clip") else None
        tensor = op.y if taken is None else taken.y
        if any(reader.op_type != "QuantizeLinear" for reader in twin.readers(tensor)):
            return None
        grid = found.grids[tensor]
        least, most = (0, 255) if taken is None else _bounds(twin, taken, grid)
        return Result(tensor, grid, least, most)

    def bounded(self, steps: str, result: Result) -> str:
        """Keep 64-bit integers within the bytes that a result may have."""
        return self.add("Clip", [steps, self.whole(result.least), self.whole(result.most)])

    def end(self, tensor: str, result: str) -> None:
        """Let a tensor stand in for what every QuantizeLinear makes of a result."""
        for reader in self.twin.readers(result):
            self.twin.retype(reader, "Cast", [tensor])
            self.twin.set_attribute(reader, "to", _UINT8)


def _bounds(twin: Program, op: Op, grid: Grid) -> tuple[int, int]:
    """Bring an activation's bounds to bytes, halves up."""
    if op.op_type == "Relu":
        return grid.offset, 255
    low, high = (twin.const(op.input(slot)) if op.has(slot) else None for slot in (1, 2))
    return 0 if low is None else _byte(low, grid), 255 if high is None else _byte(high, grid)


def _byte(bound: Array, grid: Grid) -> int:
    steps = np.floor(bound.reshape(()).astype(np.float32) / np.float32(grid.scale) + 0.5) + grid.offset
    return int(np.clip(steps, 0, 255))
