"""The integers of tensors that share them: one scale and zero point over all that any of them holds."""

from collections.abc import Mapping

from compiler.analysis.quantization.layout import Layout
from compiler.analysis.quantization.parameters import Grid, grid_of
from compiler.target import QuantScheme


def shared_grids(
    scheme: QuantScheme,
    layout: Layout,
    found: Mapping[str, tuple[float, float]],
    settled: Mapping[str, tuple[float, int]],
) -> dict[str, Grid]:
    """Choose the integers of each group of tensors, given each one's range; a kernel fixes those in `settled`."""
    ranges: dict[str, tuple[float, float]] = {}
    for tensor in layout.tensors:
        low, high = found[tensor]
        root = layout.roots[tensor]
        least, most = ranges.get(root, (low, high))
        ranges[root] = min(low, least), max(high, most)
    kind, is_symmetric = scheme.activations, scheme.is_symmetric
    made = {root: grid_of(low, high, kind, is_symmetric=is_symmetric) for root, (low, high) in ranges.items()}
    return made | {root: Grid(scale, zero, kind) for root, (scale, zero) in settled.items()}
