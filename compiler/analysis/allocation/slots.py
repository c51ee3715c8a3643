"""The constants of a network as products of widths: which axes of which weight shrink with which channels."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compiler.analysis.allocation.widths import ONE, AxisBook
from compiler.analysis.channels import Channels, Ids
from compiler.ir import Array, Op, ProgramView


@dataclass(frozen=True)
class Slot:
    """A constant in an input slot of a layer: `each` elements for every pair of places on its two axes."""

    layer: str
    slot: int
    tensor: str
    first: int
    second: int
    each: float
    value: Array


class SlotBook:
    """Finds the axes of constants; reads every use and every picked index once."""

    def __init__(self, channels: Channels, axes: AxisBook) -> None:
        self._axes = axes
        self._ids: dict[tuple[str, int], list[Ids]] = {}
        for use in channels.uses:
            self._ids.setdefault((use.layer, use.slot), []).append(use.ids)
        for piece in channels.pieces:
            if piece.kind == "gather":
                self._ids[piece.layer, 1] = [piece.ids[1]]

    def each(self, program: ProgramView, op: Op) -> Iterator[Slot]:
        """Yield the constants that a node reads."""
        for slot, tensor in enumerate(op.inputs):
            value = program.const(tensor) if tensor else None
            if value is not None:
                ids = self._ids.get((op.name, slot), [])
                first, second = (*(self._axes.axis(row) for row in ids), ONE, ONE)[:2]
                each = value.size / max(1, int(np.prod([row.size for row in ids])))
                yield Slot(op.name, slot, tensor, first, second, each, value)
