"""What a budget can count as a function of the units that stay; here multiply-accumulates."""

from dataclasses import dataclass
from typing import Protocol

from compiler.analysis.allocation.products import Products, Table
from compiler.analysis.allocation.slots import SlotBook
from compiler.analysis.allocation.widths import AxisBook, Widths
from compiler.analysis.channels import ChannelGroup, Channels, Ids
from compiler.analysis.cost import layer_costs, live_layers
from compiler.ir import ProgramView
from compiler.target import CostModel


class Measure(Protocol):
    """A cost of the network while units go."""

    widths: Widths

    def total(self, units: Ids) -> float:
        """Tell the whole cost when so many units of each group stay, exactly as `cost` will count it after the cut."""
        ...

    def saving(self, group: int, count: int) -> float:
        """Tell what a group's own weights and their readers save when so many more of its units go."""
        ...

    def take(self, group: int, count: int) -> None:
        """Let so many more units of a group go."""
        ...


@dataclass(eq=False)
class Work:
    """Multiply-accumulates: of every layer its weight's size times the places that the weight is applied at."""

    widths: Widths
    table: Table
    rest: float

    def total(self, units: Ids) -> float:
        """Add up all layers."""
        return float(round(self.rest + self.table.values(self.widths.at(units)).sum()))

    def saving(self, group: int, count: int) -> float:
        """Add up what the layers that a group touches save."""
        return float(self.table.falls(group, count).sum())

    def take(self, group: int, count: int) -> None:
        """Let units go."""
        self.widths.take(group, count)


def work(program: ProgramView, channels: Channels, groups: tuple[ChannelGroup, ...], model: CostModel) -> Work:
    """Prepare to count multiply-accumulates."""
    axes, rows, rest, live = AxisBook(channels, groups), Products(), 0.0, live_layers(program)
    slots = SlotBook(channels, axes)
    for layer in layer_costs(program, model):
        if layer.macs == 0 or layer.layer not in live:
            continue
        weight = next((slot for slot in slots.each(program, program.op(layer.layer)) if slot.slot == 1), None)
        if weight is None or weight.value.size == 0:
            rest += layer.macs
        else:
            rows.add(layer.macs / weight.value.size * weight.each, weight.first, weight.second)
    widths = axes.widths()
    return Work(widths, rows.table(widths), rest)
