"""Post-training quantisation: compute in 8-bit integers, in the scheme that the target has kernels for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, ClassVar, Literal, cast

from pydantic import ConfigDict, Field

from compiler.analysis.cost import PRECISION_KEY
from compiler.analysis.quantization import (
    Calibrated,
    CalibratorName,
    Gain,
    Grid,
    Layout,
    Stream,
    Trial,
    calibrated,
    find_layout,
    fit_layers,
    foretold,
    make_trial,
    noise_by_tensor,
    not_learned,
    open_images,
    predicted_gain,
    short,
    stand_in,
    units_of,
)
from compiler.analysis.selectors import check_selectors, select
from compiler.codes.passes import FIT_LOST
from compiler.codes.plan import PRECISION_REFUSED
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView, refresh_types
from compiler.rewrites.equalize import can_equalize, channel_peaks, even_out
from compiler.rewrites.learn_values import learn_values, without_first
from compiler.rewrites.quantize import quantize
from compiler.rewrites.write_values import Value, write_values
from compiler.target import QuantScheme, Target

_TRIED: tuple[CalibratorName, ...] = ("mse", "minmax", "percentile")
_TRIAL_IMAGES, _PEAK_IMAGES, _WORTH_DB = 4, 16, 1.0
"""Images for noise and for channels' largest values, and noise that evening out takes where filters have own scales."""


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
class _Way:
    """A network as it would be quantised, with what calibration told of it."""

    network: Program
    plain: Quantized
    found: Calibrated


class Ptq(Pass):
    """Compute in 8-bit integers, in the scheme that the target has kernels for.

    A real number x is stored as round(x / scale) + zero point. Weights have a scale for each filter where the target
    allows it, else one for the layer. `equalize` first evens out the filters of neighbouring layers, or the channels
    between them where filters have scales of their own, which changes no output, if that leaves less noise on a few
    images. Activations have one scale for each tensor, chosen from what it holds on the calibration images: `minmax`
    covers everything that was seen, `percentile` leaves out the rarest values, `entropy` keeps the histogram's shape,
    and `mse` makes the squared error least. `quietest` tries `mse`, `minmax` and `percentile`, and takes what leaves
    the outputs least noise on a few of the images.
    `correct_bias` moves the average shift that rounded weights cause into the bias. `rounding: learned` rounds each
    weight so that its layer's outputs change least on the images, layer by layer: what one weight loses others make up
    for. It is kept if the network's outputs are quieter for it on a few images that it was not learned from.

    The images stream through the network one at a time; memory does not grow with their number.

    Layers without an integer kernel stay in float with conversions around them, and so do those that `skip` names.
    With `min_sqnr_db` each layer is also tried alone, and the noisiest ones go back to float, one by one, until the
    outputs' signal-to-noise ratio is at least that. The report lists layers with their noise and their reasons.
    """

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"clean", "fitted"})
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "narrow-weights": "weights that are stored in half precision stand behind a conversion",
        "integers": "the layers compute in integers already",
    }
    leaves: ClassVar[frozenset[str]] = frozenset({"integers"})
    comes_before: ClassVar[Mapping[str, str]] = {
        "fp16": "the guideline quantises (G3) from full precision; half precision (G4) is for what stays in floats",
    }

    calibrate: CalibratorName | Literal["quietest"] = Field(
        default="quietest", description="how a tensor's range is chosen; quietest: as leaves the outputs least noise"
    )
    images: int = Field(default=64, ge=1, description="how many calibration images to look at")
    equalize: bool | None = Field(
        default=None, description="even out filters first; without a word, if it leaves less noise on a few images"
    )
    correct_bias: bool = Field(default=True, description="let biases take up what rounding shifts on average")
    rounding: Literal["nearest", "learned"] = Field(
        default="nearest", description="learned: round weights so that a layer's outputs change least on the images"
    )
    min_sqnr_db: float | None = Field(
        default=None, description="return layers to float until the outputs' signal-to-noise ratio is at least this"
    )
    only: tuple[str, ...] = Field(default=(), description="quantise these layers only: names, globs, operator types")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers in float")

    def gives(self, target: Target) -> frozenset[str]:
        """Say whether half precision can follow: where the board's builder converts what is left in floats."""
        entry = target.precisions.get("int8")
        is_mixed = entry is not None and entry.scheme is not None and entry.scheme.name == "tensorrt-int8"
        return self.leaves if is_mixed else self.leaves | {"integers-alone"}

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Refuse a target without fast integers, and selectors that match nothing."""
        entry = target.precisions.get("int8")
        if not target.supports("int8") or entry is None or entry.scheme is None:
            because = entry.because if entry is not None and not entry.supported else "its profile states no scheme"
            said = f"{target.name} does not run int8: {because}"
            yield Diagnostic(PRECISION_REFUSED, said, (entry.help if entry else None) or "remove the pass")
        yield from check_selectors(program, self.only, "only")
        yield from check_selectors(program, self.skip, "skip")

    def decide(self, program: ProgramView, context: Context) -> Quantized:
        """Choose layers and scales; on the lint path every scale is 1."""
        scheme = context.target.precisions["int8"].scheme
        assert scheme is not None, "check() has made sure of it"
        evens = not scheme.per_channel if self.equalize is None else self.equalize
        plain = Quantized(scheme=scheme, is_equalized=evens, floats={}, grids={})
        layout, network = self._layout(program, scheme, {}), cast(Program, program)
        if context.is_stand_in or not layout.tensors:
            found = stand_in(program, layout)
            return self._costed(network, self._with_floats(network, plain, found, {}), context.target)
        stream = open_images(context.calibration, self.images)
        trial = make_trial(program, list(islice(stream(), _TRIAL_IMAGES)))
        even = self._is_better_even(network, plain, layout, trial) if self.equalize is None else self.equalize
        ways = list(self._ways(network, plain, layout, stream, even=even))
        best = ways[0] if len(ways) == 1 else max(ways, key=lambda way: self._quiet(way, trial))
        if self.rounding == "learned":
            best = self._learned(best, layout, stream, trial)
        return self._costed(best.network, self._measured(best.network, best.plain, best.found, trial), context.target)

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Put the integers in."""
        assert isinstance(decision, Quantized)
        for layer, why in decision.floats.items():
            log.skip(layer, why)
        layout = self._layout(program, decision.scheme, decision.floats)
        if not layout.layers:
            return
        if decision.sha256 is not None and not decision.values:
            said = "the weights were rounded by what the network computes on images, and are not in the decision"
            raise CompressError(Diagnostic(FIT_LOST, said, "let the pass decide again, with the calibration images"))
        if decision.is_equalized:
            even_out(program, decision.peaks)
        _quantize(program, layout, decision)
        if decision.rounding_sqnr_db and not decision.values:
            log.find(not_learned(decision.rounding_sqnr_db))
        program.set_metadata(PRECISION_KEY, "int8")
        gain = Gain(decision.predicted_ms["float"], decision.predicted_ms["integers"], decision.islands_ms)
        for diagnostic in foretold(layout.layers, decision.floats, gain):
            log.foresee(diagnostic)

    def _layout(self, program: ProgramView, scheme: QuantScheme, floats: Mapping[str, str]) -> Layout:
        """Find out what is to be quantised."""
        chosen = select(program, self.only) if self.only else {op.name for op in program.each()}
        return find_layout(program, scheme, chosen, select(program, self.skip), floats)

    def _ways(
        self, program: Program, plain: Quantized, layout: Layout, stream: Stream, *, even: bool
    ) -> Iterator[_Way]:
        """Calibrate the network, with its filters evened out or as they are, in each way that is to be tried."""
        network = program.clone()
        peaks = channel_peaks(program, islice(stream(), _PEAK_IMAGES)) if even and plain.scheme.per_channel else {}
        if even:
            even_out(network, peaks)
        names = _TRIED if self.calibrate == "quietest" else (self.calibrate,)
        plain = plain.model_copy(update={"is_equalized": even, "peaks": peaks})
        for name, found in calibrated(network, plain.scheme, layout, stream, names).items():
            yield _Way(network, plain.model_copy(update={"calibrate": name}), found)

    def _is_better_even(self, program: Program, plain: Quantized, layout: Layout, trial: Trial) -> bool:
        """Tell whether evening out the filters leaves less noise, calibrated on a few images alone."""
        if not can_equalize(program):
            return False
        quick, heard = self.model_copy(update={"calibrate": "mse"}), list[float]()
        for even in (False, True):
            ways = quick._ways(program, plain, layout, lambda: iter(trial.samples), even=even)
            heard.extend(self._quiet(way, trial) for way in ways)
        return heard[1] > heard[0] + (_WORTH_DB if plain.scheme.per_channel else 0)

    def _learned(self, way: _Way, layout: Layout, stream: Stream, trial: Trial) -> _Way:
        """Learn how to round on the other images, and keep what was learned if outputs are quieter on these."""
        others = without_first(stream, len(trial.samples))
        got = learn_values(way.network, layout.layers, way.plain.scheme, others, can_shift=self.correct_bias)
        found = {"rounding": got.errors, "sha256": got.sha256, "values": got.values}
        tried = replace(way, plain=way.plain.model_copy(update=found))
        heard = {"nearest": self._quiet(way, trial), "learned": self._quiet(tried, trial)}
        kept = tried if heard["learned"] > heard["nearest"] else way
        return replace(kept, plain=kept.plain.model_copy(update={"rounding_sqnr_db": heard}))

    def _quiet(self, way: _Way, trial: Trial) -> float:
        """Tell how far a way's noise stays below the outputs."""
        decision = self._with_floats(way.network, way.plain, way.found, {})
        return trial.noise_of(self._trial(way.network, decision))

    def _measured(self, program: Program, plain: Quantized, found: Calibrated, trial: Trial) -> Quantized:
        """Measure what the integers cost, and return layers to float where the recipe asks for less noise."""
        alone: dict[str, float] = {}
        decision = self._with_floats(program, plain, found, {})
        if self.min_sqnr_db is not None:
            units = units_of(program, plain.scheme, self._layout(program, plain.scheme, {}))
            for layer in units:
                others = {name: "" for other in units if other != layer for name in units[other]}
                alone[layer] = trial.noise_of(self._trial(program, self._with_floats(program, plain, found, others)))
            floats: dict[str, str] = {}
            for layer in sorted(alone, key=alone.__getitem__):
                if trial.noise_of(self._trial(program, decision)) >= self.min_sqnr_db:
                    break
                floats |= dict.fromkeys(units[layer], f"in integers it alone leaves the outputs at {alone[layer]:g} dB")
                decision = self._with_floats(program, plain, found, floats)
        layout, is_all = self._layout(program, plain.scheme, decision.floats), plain.scheme.name == "tensorrt-int8"
        tensors = {name: program.op(name).y for name in layout.layers}
        written = {name: y for name, y in tensors.items() if is_all or y in layout.tensors}
        noise = noise_by_tensor(program, self._trial(program, decision), tuple(written.values()), trial.samples)
        by_layer = {name: noise[tensor] for name, tensor in written.items()}
        return decision.model_copy(update={"layer_sqnr_db": by_layer, "alone_sqnr_db": alone})

    def _with_floats(
        self, program: Program, plain: Quantized, found: Calibrated, floats: Mapping[str, str]
    ) -> Quantized:
        """Choose the grids that remain when some layers go back to float."""
        layout, fitted = fit_layers(
            program, lambda kept: self._layout(program, plain.scheme, kept), plain.scheme, found.ranges, floats
        )
        return plain.model_copy(
            update={
                "floats": layout.floats,
                "grids": {root: (grid.scale, grid.zero_point) for root, grid in fitted.grids.items()},
                "means": {name: row for name, row in found.means.items() if self.correct_bias and name in layout.roots},
                "widened": {name: short(by) for name, by in fitted.widened.items()},
            }
        )

    def _costed(self, program: Program, decision: Quantized, target: Target) -> Quantized:
        """Predict what the integers gain and what conversions cost."""
        twin = self._trial(program, decision)
        twin.set_metadata(PRECISION_KEY, "int8")
        refresh_types(twin)
        gain = predicted_gain(program, twin, target.cost)
        islands = {name: short(cost) for name, cost in gain.islands.items()}
        predicted = {"float": short(gain.float_ms), "integers": short(gain.integer_ms)}
        return decision.model_copy(update={"islands_ms": islands, "predicted_ms": predicted})

    def _trial(self, program: Program, decision: Quantized) -> Program:
        """Quantise a copy of an already equalised network."""
        twin = program.clone()
        layout = self._layout(twin, decision.scheme, decision.floats)
        if layout.layers:
            _quantize(twin, layout, decision)
        return twin


def _quantize(program: Program, layout: Layout, decision: Quantized) -> None:
    """Put a decision's integers into a network."""
    write_values(program, [value for value in decision.values if value.readers[0][0] in layout.layers])
    grids = {root: Grid(*grid, decision.scheme.activations) for root, grid in decision.grids.items()}
    quantize(program, layout, grids, decision.scheme, decision.means)
