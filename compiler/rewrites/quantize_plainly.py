"""Quantise a copy of a network the plain way: what it would compute in integers, to judge training for integers by."""

from collections.abc import Mapping, Sequence

from compiler.analysis.quantization import find_layout, gather_ranges, settled_roots, shared_grids
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
    found = gather_ranges(twin, layout.tensors, lambda: iter(samples))
    ranges = {name: (item.low, item.high) for name, item in found.items()}
    grids = shared_grids(scheme, layout, ranges, settled_roots(twin, scheme, layout))
    quantize(twin, layout, grids, scheme, {})
    return twin
