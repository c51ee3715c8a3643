"""From calibrated tensors to a network in integers, as a recipe wants it."""

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.analysis.quantization import Grid, Layout, find_layout, fit_layers, short
from compiler.analysis.selectors import select
from compiler.ir import Program, ProgramView
from compiler.rewrites.quantize import quantize
from compiler.rewrites.write_values import write_values
from compiler.target import QuantScheme
from passes.integers.decision import Quantized, Way


@dataclass(frozen=True)
class Making:
    """What a recipe asks of every network that is made."""

    only: tuple[str, ...]
    skip: tuple[str, ...]
    corrects_bias: bool

    def layout(self, program: ProgramView, scheme: QuantScheme, floats: Mapping[str, str]) -> Layout:
        """Find out what is to be quantised when some layers stay in float."""
        chosen = select(program, self.only) if self.only else {op.name for op in program.each()}
        return find_layout(program, scheme, chosen, select(program, self.skip), floats)

    def decision(self, way: Way, floats: Mapping[str, str]) -> Quantized:
        """Choose the grids that remain when some layers go back to float."""
        program, scheme, found = way.network, way.plain.scheme, way.found
        layout, fitted = fit_layers(
            program, lambda kept: self.layout(program, scheme, kept), scheme, found.ranges, floats
        )
        return way.plain.model_copy(
            update={
                "floats": layout.floats,
                "grids": {root: (grid.scale, grid.zero_point) for root, grid in fitted.grids.items()},
                "means": {
                    name: row for name, row in found.means.items() if self.corrects_bias and name in layout.roots
                },
                "widened": {name: short(by) for name, by in fitted.widened.items()},
            }
        )

    def twin(self, program: Program, decision: Quantized) -> Program:
        """Quantise a copy of an already equalised network."""
        copy = program.clone()
        layout = self.layout(copy, decision.scheme, decision.floats)
        if layout.layers:
            put_in(copy, layout, decision)
        return copy


def put_in(program: Program, layout: Layout, decision: Quantized) -> None:
    """Put a decision's integers into a network."""
    write_values(program, [value for value in decision.values if value.readers[0][0] in layout.layers])
    grids = {root: Grid(*grid, decision.scheme.activations) for root, grid in decision.grids.items()}
    quantize(program, layout, grids, decision.scheme, decision.means)
