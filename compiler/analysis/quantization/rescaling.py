"""Kernels that bring their sums to 8 bits by a factor below 1: which results need a wider scale for that.

The factor is input scale x weight scale / output scale. Where it is too large, the output's integers are made to reach
further than its values, which costs some of its resolution.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compiler.analysis.quantization.layout import WEIGHTED, Layout, settled_roots
from compiler.analysis.quantization.parameters import Grid, weight_grid
from compiler.analysis.quantization.shared_grids import shared_grids
from compiler.ir import Op, ProgramView
from compiler.target import QuantScheme

_SWEEPS = 64
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True)
class Fitted:
    """Grids that the kernels take."""

    grids: dict[str, Grid]
    widened: dict[str, float]
    """For each layer whose result got a wider scale, by what factor."""
    obstacles: dict[str, str]
    """Layers that cannot be fitted, with the reason."""


def fit_layers(
    program: ProgramView,
    layout_of: Callable[[Mapping[str, str]], Layout],
    scheme: QuantScheme,
    ranges: Mapping[str, tuple[float, float]],
    floats: Mapping[str, str],
) -> tuple[Layout, Fitted]:
    """Choose grids for the layers that remain when some stay in float, and let those stay too that cannot be fitted."""
    kept = dict(floats)
    while True:
        layout = layout_of(kept)
        settled = settled_roots(program, scheme, layout)
        fitted = fit_rescaling(program, layout, shared_grids(scheme, layout, ranges, settled), scheme, settled)
        if not fitted.obstacles:
            return layout, fitted
        kept |= fitted.obstacles


def fit_rescaling(
    program: ProgramView,
    layout: Layout,
    grids: Mapping[str, Grid],
    scheme: QuantScheme,
    settled: Mapping[str, tuple[float, int]],
) -> Fitted:
    """Widen output scales until every factor is at most what the scheme allows; sweeps over layers until all fit.

    A scale that a kernel dictates cannot be widened, nor one that input and output share when weights are large.
    """
    found, limit = dict(grids), scheme.most_rescaling
    if limit is None:
        return Fitted(found, {}, {})
    rows = [row for name in layout.layers if (row := _row(program, layout, program.op(name))) is not None]
    for _ in range(_SWEEPS):
        changed = False
        for _, source, result, weight_scale in rows:
            needed = found[source].scale * weight_scale / limit
            grid = found[result]
            if needed > grid.scale and result not in settled:
                found[result] = Grid(needed * (1 + 1e-6), grid.zero_point, grid.dtype)
                changed = True
        if not changed:
            break
    obstacles: dict[str, str] = {}
    widened: dict[str, float] = {}
    for layer, source, result, weight_scale in rows:
        factor = found[source].scale * weight_scale / found[result].scale
        if factor > limit:
            obstacles[layer] = f"its sums would have to be multiplied by {factor:.3g}, and kernels take less than 1"
        widened[layer] = found[result].scale / grids[result].scale
    return Fitted(found, {name: by for name, by in widened.items() if by > 1 + _NEGLIGIBLE}, obstacles)


def _row(program: ProgramView, layout: Layout, op: Op) -> tuple[str, str, str, float] | None:
    """Tell a layer's name, the roots of its input and its result, and the scale of its weights."""
    if op.op_type not in WEIGHTED:
        return None
    weight, result = program.const(op.input(1)), _result(program, layout, op)
    if weight is None or result is None:
        return None
    return op.name, layout.roots[op.x], layout.roots[result], weight_grid(weight).scale


def _result(program: ProgramView, layout: Layout, op: Op) -> str | None:
    """Find the tensor that a layer's kernel writes, behind the activation that it takes in."""
    if op.y in layout.roots:
        return op.y
    readers = program.readers(op.y)
    return readers[0].y if readers and readers[0].y in layout.roots else None
