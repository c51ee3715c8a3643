"""Post-training quantisation: compute in 8-bit integers, in the scheme that the target has kernels for."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, cast

from pydantic import Field

from compiler.analysis.cost import PRECISION_KEY
from compiler.analysis.quantization import Gain, foretold, no_images, not_learned, open_images, stand_in
from compiler.analysis.selectors import check_selectors
from compiler.codes.passes import FIT_LOST
from compiler.codes.plan import PRECISION_REFUSED
from compiler.contracts import Context, Decision, Effect, Log, Offer, Pass
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView
from compiler.rewrites.equalize import even_out
from compiler.target import Target
from passes.integers import (
    Calibrate,
    Making,
    Quantized,
    Way,
    choose,
    costed,
    learned,
    measured,
    prepare,
    put_in,
    spared,
)


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

    calibrate: Calibrate = Field(
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

    def wants(self, offer: Offer) -> Iterator[Diagnostic]:
        """Want calibration images."""
        if not offer.calibration:
            yield no_images()

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
        layout, making = self._making.layout(program, scheme, {}), self._making
        if context.is_stand_in or not layout.tensors:
            way = Way(cast(Program, program), plain, stand_in(program, layout), {})
            return costed(way.network, making.decision(way, {}), making, context.target)
        images = prepare(program, scheme, layout, open_images(context.calibration, self.images))
        way = choose(self.calibrate, making, plain, images, equalize=self.equalize)
        if self.rounding == "learned":
            way = learned(way, making, images)
        limit = self.min_sqnr_db
        decision = making.decision(way, {}) if limit is None else spared(way, making, images, limit)
        return costed(way.network, measured(way, decision, making, images), making, context.target)

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Put the integers in."""
        assert isinstance(decision, Quantized)
        for layer, why in decision.floats.items():
            log.skip(layer, why)
        layout = self._making.layout(program, decision.scheme, decision.floats)
        if not layout.layers:
            return
        if decision.sha256 is not None and not decision.values:
            said = "the weights were rounded by what the network computes on images, and are not in the decision"
            raise CompressError(Diagnostic(FIT_LOST, said, "let the pass decide again, with the calibration images"))
        if decision.is_equalized:
            even_out(program, decision.peaks)
        put_in(program, layout, decision)
        if decision.rounding_sqnr_db and not decision.values:
            log.find(not_learned(decision.rounding_sqnr_db))
        program.set_metadata(PRECISION_KEY, "int8")
        gain = Gain(decision.predicted_ms["float"], decision.predicted_ms["integers"], decision.islands_ms)
        for diagnostic in foretold(layout.layers, decision.floats, gain):
            log.foresee(diagnostic)

    @property
    def _making(self) -> Making:
        """Hand on what every network that is made keeps to."""
        return Making(self.only, self.skip, corrects_bias=self.correct_bias)
