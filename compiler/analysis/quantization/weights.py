"""Which integers a layer's weight gets: its axis of filters, its scales, its zero point."""

from dataclasses import dataclass

import numpy as np

from compiler.analysis.quantization.parameters import Floats, weight_grid, weight_scales
from compiler.ir import Array, Op
from compiler.target import QuantScheme


@dataclass(frozen=True, eq=False)
class WeightGrid:
    """The integers of a weight: one scale for each filter along an axis, or one for all."""

    axis: int
    scales: Floats
    """Of shape [filters], or a single number."""
    zero: int

    def row(self, rank: int) -> Floats:
        """Shape the scales so that they broadcast against the weight."""
        if not self.scales.ndim:
            return self.scales
        return self.scales.reshape([-1 if place == self.axis else 1 for place in range(rank)])


def filter_axis(op: Op) -> int:
    """Tell which axis of a layer's weight holds its filters."""
    if op.op_type == "Gemm":
        return 0 if op.integer("transB", 0) else 1
    return {"Conv": 0, "ConvTranspose": 1, "MatMul": 1}[op.op_type]


def weight_grid_of(op: Op, weight: Array, scheme: QuantScheme) -> WeightGrid:
    """Choose the integers of a layer's weight in a target's scheme."""
    axis = filter_axis(op)
    is_split = op.op_type == "ConvTranspose" and op.integer("group", 1) > 1
    if scheme.per_channel and not is_split and weight.ndim > axis:
        return WeightGrid(axis, weight_scales(weight, axis), 0)
    if scheme.weights == "uint8":
        grid = weight_grid(weight)
        return WeightGrid(axis, np.asarray(grid.scale), grid.zero_point)
    return WeightGrid(axis, np.asarray(weight_scales(weight.reshape(1, -1), 0)[0]), 0)
