"""The decision of `ptq`, and a network that it could be made for."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from compiler.analysis.quantization import Calibrated, Divisors
from compiler.contracts import Decision
from compiler.ir import Program
from compiler.rewrites.write_values import Value
from compiler.target import QuantScheme


class Quantized(Decision):
    """Which integers stand for which tensors."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    scheme: QuantScheme
    is_equalized: bool
    peaks: dict[str, tuple[float, ...]] = {}
    """Where filters have own scales: the largest value of each channel that a layer reads, to even those out."""
    calibrate: str = ""
    floats: dict[str, str]
    grids: dict[str, tuple[float, int]]
    """Scale and zero point of each tensor; those that share a scale are named by one of them."""
    means: dict[str, tuple[float, ...]] = {}
    """For the correction of biases: the mean of every channel that a convolution reads."""
    widened: dict[str, float] = {}
    """Layers whose result has a wider scale than its values ask for, by what factor, so that the kernels take it."""
    islands_ms: dict[str, float] = {}
    """For each layer in float between layers on integers, what it and the conversions at its borders are predicted to
    cost more than the layer alone does in a network in float."""
    predicted_ms: dict[str, float] = {}
    layer_sqnr_db: dict[str, float] = {}
    """Signal-to-noise ratio of what each layer puts out, all layers being quantised."""
    alone_sqnr_db: dict[str, float] = {}
    """Signal-to-noise ratio of the network's outputs when this layer alone is quantised."""
    rounding: dict[str, tuple[float, float]] = {}
    """What rounding takes from each layer's output, to the nearest and as learned."""
    rounding_sqnr_db: dict[str, float] = {}
    """With `rounding: learned`: signal-to-noise ratio of the outputs rounded either way, on images not learned from."""
    sha256: str | None = None
    values: Annotated[tuple[Value, ...], Field(exclude=True, repr=False)] = ()


@dataclass(frozen=True)
class Way:
    """A network as it would be quantised, with what calibration told of it."""

    network: Program
    plain: Quantized
    found: Calibrated
    divisors: Divisors
    """By what evening out has divided each channel of a tensor."""
