"""Integer quantisation: which layers can have it, what range their tensors have, and which integers stand for it."""

from compiler.analysis.quantization.calibrators import CalibratorName, clipped
from compiler.analysis.quantization.layout import Layout, find_layout
from compiler.analysis.quantization.noise import noise_by_tensor, noise_overall
from compiler.analysis.quantization.parameters import Grid, grid_of, quantized, weight_scales
from compiler.analysis.quantization.ranges import Histogram, gather_means, gather_ranges

__all__ = [
    "CalibratorName",
    "Grid",
    "Histogram",
    "Layout",
    "clipped",
    "find_layout",
    "gather_means",
    "gather_ranges",
    "grid_of",
    "noise_by_tensor",
    "noise_overall",
    "quantized",
    "weight_scales",
]
