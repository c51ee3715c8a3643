"""Integer quantisation: which layers can have it, what range their tensors have, and which integers stand for it."""

from compiler.analysis.quantization.calibration import (
    Calibrated,
    calibrated,
    judged_tensors,
    no_images,
    open_images,
    ranged,
    read_by_convs,
    short,
    stand_in,
)
from compiler.analysis.quantization.calibrators import CalibratorName, clipped
from compiler.analysis.quantization.findings import foretold, not_learned
from compiler.analysis.quantization.forms import qasymm8_obstacle
from compiler.analysis.quantization.histogram import Histogram
from compiler.analysis.quantization.islands import Gain, predicted_gain
from compiler.analysis.quantization.layout import Layout, find_layout, settled_roots, units_of
from compiler.analysis.quantization.noise import Trial, make_trial, noise_by_tensor
from compiler.analysis.quantization.parameters import Grid, grid_of, quantized, weight_grid, weight_scales
from compiler.analysis.quantization.ranges import Divisors, Seen, Stream, Watch, gather, gather_ranges, watch
from compiler.analysis.quantization.rescaling import Fitted, fit_layers, fit_rescaling
from compiler.analysis.quantization.rounding import Learned, learn_rounding
from compiler.analysis.quantization.shared_grids import shared_grids

__all__ = [
    "Calibrated",
    "CalibratorName",
    "Divisors",
    "Fitted",
    "Gain",
    "Grid",
    "Histogram",
    "Layout",
    "Learned",
    "Seen",
    "Stream",
    "Trial",
    "Watch",
    "calibrated",
    "clipped",
    "find_layout",
    "fit_layers",
    "fit_rescaling",
    "foretold",
    "gather",
    "gather_ranges",
    "grid_of",
    "judged_tensors",
    "learn_rounding",
    "make_trial",
    "no_images",
    "noise_by_tensor",
    "not_learned",
    "open_images",
    "predicted_gain",
    "qasymm8_obstacle",
    "quantized",
    "ranged",
    "read_by_convs",
    "settled_roots",
    "shared_grids",
    "short",
    "stand_in",
    "units_of",
    "watch",
    "weight_grid",
    "weight_scales",
]
