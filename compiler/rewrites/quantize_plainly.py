"""Quantise a copy of a network the plain way: what it would compute in integers, to judge training for integers by."""

from collections.abc import Mapping, Sequence

from compiler.analysis.quantization import Grid, find_layout, gather_ranges, grid_of, settled_roots
from compiler.ir import Array, Program
from compiler.rewrites.quantize import quantize
from compiler.target import QuantScheme


def quantized_plainly(program: Program, scheme: QuantScheme, samples: Sequence[Mapping[str, Array]]) -> Program:
    """Copy a network and let the copy compute in integers over the ranges that its tensors have on some inputs.

    Raises RefusedError when ONNX Runtime cannot run the network.
    """
    twin = program.clone()
    layout = find_layout(twin, scheme, {op.name for op in twin.each()}, set(), {})
    if not layout.layers:
        return twin
    ranges: dict[str, tuple[float, float]] = {}
    for name, found in gather_ranges(twin, layout.tensors, lambda: iter(samples)).items():
        low, high = ranges.get(layout.roots[name], (found.low, found.high))
        ranges[layout.roots[name]] = min(low, found.low), max(high, found.high)
    kind, is_symmetric = scheme.activations, scheme.is_symmetric
    grids = {root: grid_of(low, high, kind, is_symmetric=is_symmetric) for root, (low, high) in ranges.items()}
    settled = settled_roots(twin, scheme, layout)
    grids |= {root: Grid(scale, zero, kind) for root, (scale, zero) in settled.items()}
    quantize(twin, layout, grids, scheme, {})
    return twin
