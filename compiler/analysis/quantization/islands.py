"""What conversions cost where layers compute in float between layers on integers."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from compiler.analysis.cost import layer_costs
from compiler.ir import Op, ProgramView
from compiler.target import CostModel

_CONVERSIONS = ("QuantizeLinear", "DequantizeLinear")
_BYTES_MOVED = 4 + 1
_EATEN = 0.5


@dataclass(frozen=True)
class Gain:
    """Predicted milliseconds of a network before and after, and those of conversions around single layers."""

    float_ms: float
    integer_ms: float
    islands: dict[str, float]
    """For each layer in float, what the conversions at its borders cost, but for those at the network's own ends."""

    @property
    def conversions_ms(self) -> float:
        """What all islands cost."""
        return sum(self.islands.values())

    @property
    def saved_alone_ms(self) -> float:
        """What the integers would save if nothing had to be converted inside the network."""
        return self.float_ms - (self.integer_ms - self.conversions_ms)

    @property
    def is_eaten(self) -> bool:
        """Tell whether there is a gain, and conversions take at least half of it."""
        return self.saved_alone_ms > 0 and self.conversions_ms >= _EATEN * self.saved_alone_ms


def predicted_gain(before: ProgramView, after: ProgramView, layers: Collection[str], model: CostModel) -> Gain:
    """Cost a network and its quantised form, in which `layers` compute on integers; linear in nodes.

    A conversion reads and writes every element once. One whose both sides are integers is none.
    """
    inside, islands, ends = set(layers), dict[str, float](), 0.0
    for op in after.each():
        if op.op_type not in _CONVERSIONS or after.is_constant(op.x) or not _is_needed(after, op, inside):
            continue
        layer, cost = _island(after, op, inside), _cost(after, op, model)
        if layer is None:
            ends += cost
        else:
            islands[layer] = islands.get(layer, 0.0) + cost
    rows = [row.predicted_ms for row in layer_costs(after, model) if row.op_type not in _CONVERSIONS]
    whole = sum(rows) + ends + sum(islands.values())
    return Gain(sum(row.predicted_ms for row in layer_costs(before, model)), whole, islands)


def _is_needed(program: ProgramView, op: Op, inside: set[str]) -> bool:
    """Tell whether a conversion has reals on one side."""
    if op.op_type == "QuantizeLinear":
        maker = program.producer(op.x)
        return maker is None or maker.name not in inside
    return program.is_output(op.y) or any(reader.name not in inside for reader in program.readers(op.y))


def _island(program: ProgramView, op: Op, inside: set[str]) -> str | None:
    """Find the layer in float that a conversion is for; None at the network's ends."""
    if op.op_type == "QuantizeLinear":
        maker = program.producer(op.x)
        return None if maker is None else maker.name
    return next((reader.name for reader in program.readers(op.y) if reader.name not in inside), None)


def _cost(program: ProgramView, op: Op, model: CostModel) -> float:
    elements = int(np.prod(program.shape(op.x) or (0,)))
    rates = model.classes["other"]
    return rates.launch_ms + max(rates.floor_ms, _BYTES_MOVED * elements / model.bandwidth_gbps / 1e6)
