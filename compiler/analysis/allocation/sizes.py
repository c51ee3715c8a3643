"""Parameters, or their bytes, as a function of the units that stay, as they will be deployed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.allocation.products import Products, Table
from compiler.analysis.allocation.slots import Slot, SlotBook
from compiler.analysis.allocation.widths import ONE, AxisBook, Floats, Widths
from compiler.analysis.channels import ChannelGroup, Channels, Ids
from compiler.analysis.cost import is_float, live_layers, parameters_of
from compiler.analysis.foldable import Foldable, foldable
from compiler.ir import BatchNorm, ProgramView

_BIAS = 2


@dataclass(frozen=True)
class Late:
    """Parameters that appear once an axis is cut: a bias that takes over what channels carry, a mean's factor."""

    cut: int
    width: int
    each: float


@dataclass(eq=False)
class Size:
    """Parameters, or their bytes, as deployed: a BatchNormalization that folds counts as its convolution's bias.

    A constant that several layers share is one until it is cut; then each row of units has its own. (Two rows that
    happen to lose the same places go on sharing it, so that the cost may come out lower than foretold.)
    """

    widths: Widths
    table: Table
    alone: NDArray[np.bool_]
    """Per row, whether the constant counts for itself even while it is whole."""
    shared: Ids
    """Per row, the number of the shared constant that it is part of, or -1."""
    shared_size: Floats
    late: tuple[Late, ...]

    def total(self, units: Ids) -> float:
        """Add up all constants."""
        at = self.widths.at(units)
        less = at < self.widths.full
        is_cut = less[self.table.first] | less[self.table.second]
        values = self.table.values(at)
        whole = np.zeros(self.shared_size.size, dtype=bool)
        whole[self.shared[~is_cut & (self.shared >= 0)]] = True
        late = sum(new.each * at[new.width] for new in self.late if less[new.cut])
        return float(round(values[self.alone | is_cut].sum() + self.shared_size[whole].sum() + late))

    def saving(self, group: int, count: int) -> float:
        """Add up what goes of the constants that a group touches, each taken for its layer's own."""
        return float(self.table.falls(group, count).sum())

    def take(self, group: int, count: int) -> None:
        """Let units go."""
        self.widths.take(group, count)


def size(program: ProgramView, channels: Channels, groups: tuple[ChannelGroup, ...], *, in_bytes: bool) -> Size:
    """Prepare to count parameters or their bytes."""
    axes, rows, folded = AxisBook(channels, groups), Products(), _folded(program)
    parts: dict[str, dict[tuple[int, int], list[Slot]]] = {}
    for slot in _parameters(program, SlotBook(channels, axes)):
        parts.setdefault(slot.tensor, {}).setdefault((slot.first, slot.second), []).append(slot)
    alone, shared, sizes = list[bool](), list[int](), list[float]()
    for tensor, cuts in parts.items():
        value = next(iter(cuts.values()))[0].value
        unit, readers = value.itemsize if in_bytes else 1, len(program.readers(tensor))
        place = len(sizes) if len(cuts) > 1 else -1
        for (first, second), slots in cuts.items():
            marks = [folded.get((slot.layer, slot.slot)) for slot in slots]
            vanishes = None not in marks and len({slot.layer for slot in slots}) == 1
            rows.add(0.0 if vanishes else unit * slots[0].each, first, second)
            rows.add(unit * slots[0].each * marks.count(True), first, second)
            alone += [place < 0, True]
            shared += [place, -1]
        if place >= 0:
            is_norm = all((slot.layer, slot.slot) in folded for slots in cuts.values() for slot in slots)
            sizes.append(0.0 if is_norm and readers == 1 else unit * value.size)
    late = tuple(_late(program, channels, axes, in_bytes=in_bytes))
    widths = axes.widths()
    table = rows.table(widths)
    return Size(widths, table, np.array(alone, bool), np.array(shared, np.int64), np.array(sizes, np.float64), late)


def _late(program: ProgramView, channels: Channels, axes: AxisBook, *, in_bytes: bool) -> Iterator[Late]:
    """List what appears: see the rewrite that cuts channels."""
    live = live_layers(program)
    biased = {norm.x for norm in program.each(BatchNorm) if isinstance(foldable(program, norm), Foldable)}
    for fold in channels.folds:
        op = program.op(fold.layer)
        if op.name in live and not op.has(_BIAS) and op.y not in biased:
            ids = channels.filters[fold.layer].ids
            yield Late(
                axes.axis(fold.ids[fold.rest != 0]), axes.axis(ids), _unit(program, op.input(1), in_bytes=in_bytes)
            )
    for piece in channels.pieces:
        if piece.kind == "mean" and piece.layer in live:
            unit = _unit(program, program.op(piece.layer).y, in_bytes=in_bytes)
            yield Late(axes.axis(piece.ids[0]), ONE, unit)


def _unit(program: ProgramView, tensor: str, *, in_bytes: bool) -> int:
    """Tell what one element of a tensor's type counts."""
    dtype = program.type(tensor).dtype
    return 1 if not in_bytes else 4 if dtype is None else dtype.itemsize


def _parameters(program: ProgramView, slots: SlotBook) -> Iterator[Slot]:
    """List the constants that reach an output and count as parameters, as the cost does."""
    live = live_layers(program)
    for op in program.each():
        limit, is_integer = len(parameters_of(op)), op.op_type == "DequantizeLinear"
        for slot in slots.each(program, op) if op.name in live else ():
            if slot.slot < limit and (is_float(slot.value.dtype) or is_integer):
                yield slot


def _folded(program: ProgramView) -> dict[tuple[str, int], bool]:
    """Mark the parameters of each BatchNormalization that folds: True for the one that counts as the bias it leaves."""
    found: dict[tuple[str, int], bool] = {}
    live = live_layers(program)
    for norm in program.each(BatchNorm):
        pair = foldable(program, norm)
        if norm.name in live and isinstance(pair, Foldable):
            found |= {(norm.name, slot): slot == 1 and not pair.conv.bias for slot in range(1, 5)}
    return found
