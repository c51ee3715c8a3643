"""What conversions cost where layers compute in float between layers on integers."""

from dataclasses import dataclass

from compiler.analysis.cost import LayerCost, layer_costs
from compiler.analysis.integer_layers import CONVERSIONS, integer_layers
from compiler.ir import Op, ProgramView
from compiler.target import CostModel

_EATEN = 0.5


@dataclass(frozen=True)
class Gain:
    """Predicted milliseconds of a network before and after, and those that layers in float between integers add."""

    float_ms: float
    integer_ms: float
    islands: dict[str, float]
    """For each layer in float, what the conversions at its borders cost, but for those at the network's own ends, and
    how much longer it takes than where it follows another layer in float."""

    @property
    def islands_ms(self) -> float:
        """What all islands cost."""
        return sum(self.islands.values())

    @property
    def saved_alone_ms(self) -> float:
        """What the integers would save if nothing had to be converted inside the network."""
        return self.float_ms - (self.integer_ms - self.islands_ms)

    @property
    def is_eaten(self) -> bool:
        """Tell whether islands take at least half of the gain, or make up at least half of the loss."""
        loss = self.integer_ms - self.float_ms
        return self.islands_ms > 0 and self.islands_ms >= _EATEN * max(self.saved_alone_ms, loss)


def predicted_gain(before: ProgramView, after: ProgramView, model: CostModel) -> Gain:
    """Cost a network and its quantised form; linear in nodes."""
    was = {row.layer: row.predicted_ms for row in layer_costs(before, model)}
    rows = layer_costs(after, model)
    inside = integer_layers(after, model.scheme).layers
    islands: dict[str, float] = {}
    for row in rows:
        layer = _island(after, after.op(row.layer), inside) if _is_run(row) else None
        if layer is not None:
            islands[layer] = islands.get(layer, 0.0) + row.predicted_ms
    for row in rows:
        if row.layer in islands:
            islands[row.layer] += max(0.0, row.predicted_ms - was.get(row.layer, 0.0))
    return Gain(sum(was.values()), sum(row.predicted_ms for row in rows), islands)


def _is_run(row: LayerCost) -> bool:
    """Tell whether a node is a conversion that a kernel stands for."""
    return row.op_type in CONVERSIONS and row.kind != "fused"


def _island(program: ProgramView, op: Op, inside: frozenset[str]) -> str | None:
    """Find the layer in float that a conversion is for; None at the network's ends."""
    if op.op_type == "QuantizeLinear":
        maker = program.producer(op.x)
        return None if maker is None else maker.name
    return next((reader.name for reader in program.readers(op.y) if reader.name not in inside), None)
