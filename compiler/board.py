"""The facts of a board: what it is, which number formats it gains from, and what running a layer costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from compiler.operator_table import Frozen


class ClassCost(Frozen):
    """What one class of operators costs: a launch floor, and time per 10^9 multiply-accumulates by precision."""

    floor_ms: float = Field(ge=0)
    launch_ms: float = Field(default=0, ge=0)
    """What starting a layer adds to its time, whatever it computes; the floor only holds what is shorter."""
    ms_per_gmac: dict[str, float] = {}
    gbps: dict[str, float] = {}
    """Bytes that a class moves in a second, by precision, in 10^9: where that is not the board's bandwidth."""


class ErrorBand(Frozen):
    """How far predictions were from times that the coefficients had not seen, as shares of what was measured."""

    median: float = Field(ge=0)
    p90: float = Field(ge=0, lt=1)
    """Nine of ten predictions were off by no more."""
    points: int = Field(ge=1)
    held_out: str
    """Which points, and how they were kept from the fit."""
    with_integers: bool = False
    """Whether networks in 8-bit integers are among them; if not, nothing is known of how far those are off."""


class QuantScheme(Frozen):
    """How a runtime wants its integers: real = scale (integer - zero point)."""

    activations: Literal["int8", "uint8"]
    weights: Literal["int8", "uint8"]
    is_symmetric: bool = False
    """Whether the zero point of activations has to be 0."""
    per_channel: bool
    """Whether each filter has a scale of its own; else one for the whole weight."""
    operators: tuple[str, ...]
    """Operators with an integer kernel. What is not listed stays in float, with conversions around it."""
    shared: tuple[str, ...] = ()
    """Of these, the operators whose inputs and output have one scale and zero point in common."""
    fused: tuple[str, ...] = ()
    """Activations that a convolution before them takes in, so that nothing is rounded between the two."""
    most_rescaling: float | None = Field(default=None, gt=0)
    """The largest input scale x weight scale / output scale that the kernels take."""
    name: Literal["qdq", "qasymm8", "tensorrt-int8"] = "qdq"
    """`qdq`: pairs as ONNX Runtime takes them in. `qasymm8`: in the forms that Arm Compute Library has kernels for.
    `tensorrt-int8`: pairs in front of layers only, weights in 32 bits in front of a pair, biases in 32-bit floats."""
    moves: tuple[str, ...] = ()
    """Operators that only move integers about; between two of them nothing is rounded."""
    saturating: tuple[str, ...] = ()
    """Operators that take in a `fused` activation behind them, like convolutions do."""
    settled: Mapping[str, tuple[float, int]] = {}
    """Operators whose result always has this scale and zero point."""
    unfit: Mapping[str, str] = {}
    """Operators that stay in float although there is an integer kernel, each with the reason."""
    source: str


class CostModel(Frozen):
    """Coefficients of the latency model; see compiler/analysis/cost.py for the formula.

    Class names are `conv`, `depthwise`, `grouped`, `deconv`, `gemm`, `copy` and `other`. Of `conv`, the classes `stem`
    (reads an image of at most four channels), `pointwise` (1x1) and `conv3x3` (stride 1, which runtimes transform) may
    have coefficients of their own.
    """

    stands_for: str = "whole runs"
    """What a predicted time is the time of, in a few words."""
    classes: dict[str, ClassCost]
    bandwidth_gbps: float = Field(gt=0)
    zero_insertion: bool = False
    """Whether a strided transposed convolution multiplies the zeros it inserts."""
    copies: Mapping[str, Literal["always", "inner"]] = {}
    """Operators that only move data about and that the runtime really runs; `inner`: only where what it joins does not
    lie in one piece, so that it cannot be written in place. Others of their kind cost nothing."""
    unfused: tuple[str, ...] = ()
    """Arithmetic that the runtime does not fold into the layer before it."""
    unfused_integers: tuple[str, ...] = ()
    """What it does not fold beside these where the two compute in 8-bit integers."""
    error: ErrorBand | None = None
    """Null where no measurement stands behind the coefficients."""
    source: str
    caveat: str | None = None
    others: Mapping[str, CostModel] = {}
    """The same board under other circumstances, by name: another back end, or the engine without what surrounds it."""
    scheme: QuantScheme | None = Field(default=None, exclude=True)
    """Which integers there are kernels for; no file says it here, it is taken from the profile's precisions."""

    def speed(self, rates: ClassCost, precision: str) -> float:
        """Tell how fast a class moves data, in 10^9 bytes a second."""
        return rates.gbps.get(precision, self.bandwidth_gbps)

    def under(self, setup: str | None) -> CostModel:
        """Pick other circumstances by name; None means these."""
        return self if setup is None else self.others[setup]

    def knowing(self, scheme: QuantScheme | None) -> CostModel:
        """Tell the model, under all circumstances, which integers there are kernels for."""
        others = {name: other.knowing(scheme) for name, other in self.others.items()}
        return self.model_copy(update={"scheme": scheme, "others": others})


class Fact(Frozen):
    """A figure and where it comes from."""

    value: int | float | str
    source: str


class PowerMode(Frozen):
    """A setting of the board's clocks; rates of the cost model hold for the profile's reference mode."""

    id: int
    name: str
    gpu_mhz: float
    memory_mhz: float
    cpu: str


class Board(Frozen):
    """The device. `facts` holds what only some boards have."""

    name: str
    compute_capability: str | None = None
    memory_bytes: int | None = None
    source: str
    facts: Mapping[str, Fact] = {}
    power_modes: tuple[PowerMode, ...] = ()
    power_modes_source: str | None = None


class Precision(Frozen):
    """A number format: whether networks are to use it on this board, and what has to carry it."""

    supported: bool = True
    because: str | None = None
    help: str | None = None
    carrier: Literal["weights", "builder", "qdq"] = "weights"
    """`weights`: the file's own weights. `builder`: asked for on the board; the file stays FP32. `qdq`: Q/DQ pairs."""
    peak_gflops: float | None = None
    scheme: QuantScheme | None = None
    """For integers: which, and where."""
    source: str | None = None


class Zeros(Frozen):
    """What a runtime makes of single weights that are zero."""

    gain: bool = False
    """Whether it leaves out the multiplications."""
    because: str = "its profile knows of no kernels for sparse weights"
    source: str | None = None


class ChannelMultiple(Frozen):
    """Channel counts that suit the kernels: multiples of `floor` at least, of `prefer` at best."""

    floor: int = Field(default=1, ge=1)
    prefer: int = Field(default=1, ge=1)
    because: str | None = None
    source: str | None = None
