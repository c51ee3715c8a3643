"""What calibration images tell of a network's tensors: the range of each, and means for the correction of biases."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from compiler.analysis.quantization.calibrators import CalibratorName, clipped
from compiler.analysis.quantization.layout import Layout
from compiler.analysis.quantization.ranges import gather_means, gather_ranges, mirrored
from compiler.ir import Array, ProgramView
from compiler.target import QuantScheme


@dataclass(frozen=True)
class Calibrated:
    """What calibration images told."""

    ranges: Mapping[str, tuple[float, float]]
    means: Mapping[str, tuple[float, ...]]
    """The mean of every channel that a quantised convolution reads; empty where biases are not to be corrected."""


def calibrated(
    program: ProgramView,
    scheme: QuantScheme,
    layout: Layout,
    stream: Callable[[], Iterator[Mapping[str, Array]]],
    name: CalibratorName,
) -> Calibrated:
    """Stream the images through the network. Raises RefusedError when ONNX Runtime cannot run it."""
    found = gather_ranges(program, layout.tensors, stream)
    if scheme.is_symmetric:
        found = {tensor: mirrored(histogram) for tensor, histogram in found.items()}
    return Calibrated({tensor: clipped(histogram, name) for tensor, histogram in found.items()}, {})


def with_means(
    program: ProgramView, layout: Layout, stream: Callable[[], Iterator[Mapping[str, Array]]], found: Calibrated
) -> Calibrated:
    """Add the means of channels, to six digits, as reports hold figures; the correction is an average anyway."""
    means = gather_means(program, _read_by_convs(program, layout), stream)
    return Calibrated(found.ranges, {name: tuple(float(f"{v:.6g}") for v in value) for name, value in means.items()})


def stand_in(program: ProgramView, layout: Layout) -> Calibrated:
    """Give every scale 1, and every convolution zeros to correct by, so that lint sees the biases of a build."""
    means = {name: (0.0,) * (program.shape(name) or (0, 0))[1] for name in _read_by_convs(program, layout)}
    return Calibrated(dict.fromkeys(layout.roots, (0.0, 255.0)), means)


def _read_by_convs(program: ProgramView, layout: Layout) -> tuple[str, ...]:
    """Name the tensors that quantised convolutions read, each once."""
    ops = (program.op(name) for name in layout.layers)
    return tuple(dict.fromkeys(op.x for op in ops if op.op_type == "Conv"))
