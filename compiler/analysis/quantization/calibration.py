"""What calibration images tell of a network's tensors: the range of each, and means for the correction of biases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from compiler.analysis.quantization.calibrators import CalibratorName, clipped
from compiler.analysis.quantization.histogram import mirrored
from compiler.analysis.quantization.layout import Layout
from compiler.analysis.quantization.ranges import Divisors, Seen, Stream, Watch, gather
from compiler.codes.passes import NO_CALIBRATION
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView
from compiler.target import QuantScheme


@dataclass(frozen=True)
class Calibrated:
    """What calibration images told."""

    ranges: Mapping[str, tuple[float, float]]
    means: Mapping[str, tuple[float, ...]]
    """The mean of every channel that a quantised convolution reads; empty where biases are not to be corrected."""


def calibrated(
    watched: Watch, scheme: QuantScheme, layout: Layout, stream: Stream, forms: Sequence[Divisors]
) -> list[Seen]:
    """Stream the images through the network, once for all forms that it may take. Raises RefusedError.

    Means are held to six digits, as reports hold figures; the correction is an average anyway.
    """
    averaged = read_by_convs(watched.program, layout)
    found = gather(watched, layout.tensors, averaged, stream, forms)
    if not scheme.is_symmetric:
        return found
    return [replace(seen, histograms={key: mirrored(item) for key, item in seen.histograms.items()}) for seen in found]


def ranged(seen: Seen, name: CalibratorName) -> Calibrated:
    """Choose each tensor's range in a calibrator's way."""
    means = {tensor: tuple(map(short, row)) for tensor, row in seen.means.items()}
    return Calibrated({key: clipped(item, name) for key, item in seen.histograms.items()}, means)


def open_images(opened: Stream | None, limit: int) -> Stream:
    """Open the calibration images, the first so many. Raises CompressError when the recipe has none."""
    if opened is None:
        raise CompressError(no_images())
    return lambda: islice(opened(), limit)


def no_images() -> Diagnostic:
    """Say that the recipe has no calibration images."""
    said = "ptq needs calibration images, and the recipe's data has none"
    return Diagnostic(NO_CALIBRATION, said, "add `data: {calibration: {images: ...}}`")


def stand_in(program: ProgramView, layout: Layout) -> Calibrated:
    """Give every scale 1, and every convolution zeros to correct by, so that lint sees the biases of a build."""
    means = {name: (0.0,) * (program.shape(name) or (0, 0))[1] for name in read_by_convs(program, layout)}
    return Calibrated(dict.fromkeys(layout.roots, (0.0, 255.0)), means)


def read_by_convs(program: ProgramView, layout: Layout) -> tuple[str, ...]:
    """Name the tensors that quantised convolutions read, each once."""
    ops = (program.op(name) for name in layout.layers)
    return tuple(dict.fromkeys(op.x for op in ops if op.op_type == "Conv"))


def judged_tensors(program: ProgramView, scheme: QuantScheme, layout: Layout) -> dict[str, str]:
    """Name, for each layer whose noise is told, the tensor that it writes: behind what its kernel takes in."""
    tensors = {name: program.op(name).y for name in layout.layers}
    is_before_layers = scheme.name == "tensorrt-int8"
    return {name: y for name, y in tensors.items() if is_before_layers or y in layout.tensors}


def short(value: float) -> float:
    """Round to six significant digits, as reports hold figures."""
    return float(f"{value:.6g}")
