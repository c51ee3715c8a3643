"""Predicted milliseconds as a function of the units that stay, by the target's cost model with its launch floor."""

from dataclasses import dataclass

import numpy as np

from compiler.analysis.allocation.products import Products, Table
from compiler.analysis.allocation.slots import SlotBook
from compiler.analysis.allocation.widths import ONE, AxisBook, Floats, Widths
from compiler.analysis.channels import ChannelGroup, Channels, Ids
from compiler.analysis.cost import ITEM_BYTES, LayerCost, layer_costs, live_layers
from compiler.analysis.rating import rate_class, rates_of
from compiler.ir import Op, ProgramView
from compiler.target import CostModel


@dataclass(frozen=True)
class Thin:
    """A layer that falls into another cost class once an axis is 1 wide, with that class's figures."""

    layer: int
    axis: int
    floor: float
    launch: float
    rate: float
    """Relative to the rate of the layer's own class."""


@dataclass(eq=False)
class Latency:
    """Per layer what starting it takes, and the largest of a floor, the time of its work and the time of its bytes.

    A layer at its floor saves nothing when it gets smaller, so that its units are worth nothing to the budget.
    """

    widths: Widths
    floor: Floats
    launch: Floats
    compute: Table
    """Milliseconds of multiply-accumulates; a row's owner is its layer's number."""
    memory: Table
    """Milliseconds of moved bytes."""
    thin: tuple[Thin, ...]

    def __post_init__(self) -> None:
        """Time every layer as it is."""
        at, count = self.widths.now, self.floor.size
        self._work = np.bincount(self.compute.owner, self.compute.values(at), count)
        self._moves = np.bincount(self.memory.owner, self.memory.values(at), count)

    def total(self, units: Ids) -> float:
        """Add up all layers."""
        at, count = self.widths.at(units), self.floor.size
        compute = np.bincount(self.compute.owner, self.compute.values(at), count)
        memory = np.bincount(self.memory.owner, self.memory.values(at), count)
        floor, launch = self.floor.copy(), self.launch.copy()
        for case in self.thin:
            if at[case.axis] == 1:
                floor[case.layer], launch[case.layer] = case.floor, case.launch
                compute[case.layer] *= case.rate
        return float((np.maximum(floor, np.maximum(compute, memory)) + launch).sum())

    def saving(self, group: int, count: int) -> float:
        """Add up what the layers that a group touches save, each with what bounds it before and after."""
        rows, moved = self.compute.touched[group].rows, self.memory.touched[group].rows
        owners = np.concatenate([self.compute.owner[rows], self.memory.owner[moved]])
        layers, place = np.unique(owners, return_inverse=True)
        number, work, bytes_ = layers.size, self._work[layers], self._moves[layers]
        less = np.bincount(place[: rows.size], self.compute.falls(group, count), number)
        fewer = np.bincount(place[rows.size :], self.memory.falls(group, count), number)
        before = np.maximum(self.floor[layers], np.maximum(work, bytes_))
        after = np.maximum(self.floor[layers], np.maximum(work - less, bytes_ - fewer))
        found = float((before - after).sum())
        return found if found > 1e-12 else 0.0

    def take(self, group: int, count: int) -> None:
        """Let units go, and keep each layer's two times up to date."""
        for table, now in ((self.compute, self._work), (self.memory, self._moves)):
            np.subtract.at(now, table.owner[table.touched[group].rows], table.falls(group, count))
        self.widths.take(group, count)


def latency(program: ProgramView, channels: Channels, groups: tuple[ChannelGroup, ...], model: CostModel) -> Latency:
    """Prepare to predict milliseconds."""
    axes, compute, memory = AxisBook(channels, groups), Products(), Products()
    slots, live = SlotBook(channels, axes), live_layers(program)
    floors, thin = list[tuple[float, float]](), list[Thin]()
    for layer in layer_costs(program, model):
        if layer.kind == "fused" or layer.layer not in live:
            continue
        op, owner = program.op(layer.layer), len(floors)
        own = layer.precision
        rates = model.classes[layer.rated]
        per_element = ITEM_BYTES.get(own, 4) / model.speed(rates, own) / 1e6
        rate = rates.ms_per_gmac.get(own, rates.ms_per_gmac.get("fp32", 0.0))
        floors.append((rates.floor_ms, rates.launch_ms))
        for slot in {slot.tensor: slot for slot in slots.each(program, op)}.values():
            memory.add(per_element * slot.each, slot.first, slot.second, owner)
        for tensor in {tensor for tensor in (*op.inputs, *op.outputs) if tensor and not program.is_constant(tensor)}:
            elements, axis = _computed(program, channels, axes, tensor)
            memory.add(per_element * elements, axis, ONE, owner)
        weight = next((slot for slot in slots.each(program, op) if slot.slot == 1), None)
        if weight is None or weight.value.size == 0:
            compute.add(rate * layer.executed_macs / 1e9, ONE, ONE, owner)
            continue
        each = layer.executed_macs / weight.value.size * weight.each
        compute.add(rate * each / 1e9, weight.first, weight.second, owner)
        thin += _thin(program, channels, axes, op, layer, owner, model, own)
    widths = axes.widths()
    starts = np.array(floors, dtype=float).reshape(-1, 2)
    return Latency(widths, starts[:, 0], starts[:, 1], compute.table(widths), memory.table(widths), tuple(thin))


def _computed(program: ProgramView, channels: Channels, axes: AxisBook, tensor: str) -> tuple[float, int]:
    """Tell a computed tensor's elements per channel, and the axis of its channels; fixed sizes lie on axis ONE."""
    shape, layout = program.shape(tensor), channels.layouts.get(tensor)
    elements = 0 if shape is None else int(np.prod(shape))
    if layout is None or not layout.ids.size:
        return elements, ONE
    return elements / layout.ids.size, axes.axis(layout.ids)


def _class(program: ProgramView, op: Op, model: CostModel, kind: str, precision: str) -> tuple[float, float, float]:
    """Look up a cost class's floor, launch and rate, as the cost does."""
    _, rates = rates_of(model, rate_class(program, op, kind), kind)
    return rates.floor_ms, rates.launch_ms, rates.ms_per_gmac.get(precision, rates.ms_per_gmac.get("fp32", 0.0))


def _thin(  # noqa: PLR0913, PLR0917 - one layer, and how its class is costed
    program: ProgramView,
    channels: Channels,
    axes: AxisBook,
    op: Op,
    layer: LayerCost,
    owner: int,
    model: CostModel,
    precision: str,
) -> list[Thin]:
    """Say what a convolution with groups becomes when one channel is left in all, or in each group."""
    if layer.kind not in ("depthwise", "grouped") or op.op_type != "Conv":
        return []
    becomes = "conv" if layer.kind == "depthwise" else "depthwise"
    floor, launch, rate = _class(program, op, model, becomes, precision)
    now = _class(program, op, model, layer.kind, precision)[2]
    if layer.kind == "depthwise":
        rows = [piece.ids[0] for piece in channels.pieces if piece.layer == op.name and piece.kind == "group"]
    else:
        rows = [use.ids for use in channels.uses if use.layer == op.name and use.slot == 1 and not use.is_filter]
    relative = rate / now if now else 1.0
    return [Thin(owner, axes.axis(ids), floor, launch, relative) for ids in rows if ids.size > 1]
