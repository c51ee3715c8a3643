"""Half precision, in the way that the target wants it."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from compiler.analysis.cost import PRECISION_KEY
from compiler.analysis.half import find_half, gather_roundings, rounding_of
from compiler.analysis.selectors import check_selectors, select
from compiler.codes.passes import (
    BORDERS_ALONE,
    BUILDER_CONVERTS,
    HALF_MISFIT,
    HALF_UNSEEN,
    HALF_WHOLE,
    NO_GAIN_EXPECTED,
)
from compiler.codes.plan import PRECISION_REFUSED
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import Diagnostic
from compiler.ir import Program, ProgramView
from compiler.rewrites.emulate_half import CONVERTER_KEY
from compiler.rewrites.half import to_half
from compiler.rewrites.half_borders import to_half_borders
from compiler.target import Target

Carrier = Literal["builder", "weights", "graph"]


class HalfPrecision(Decision):
    """How the target gets its half precision, and which layers do not."""

    carrier: Carrier
    io: Literal["float", "half"] = "float"
    """The numbers of inputs and outputs, where the carrier is the graph."""
    images: int = 0
    """How many inputs the range of tensors was seen on."""
    floats: dict[str, str] = {}
    """Layers that stay in 32 bits because they have no half form or by the recipe, with the reason."""
    misfits: dict[str, str] = {}
    """Layers whose values do not fit into half precision, with the reason."""


class Fp16(Pass):
    """Half precision, in the way that the target wants it.

    Where the board's own program converts (TensorRT's builder, Arm Compute Library), the file keeps its 32-bit
    weights and the kit asks for 16 bits. Elsewhere `arithmetic: target` stores the weights in 16 bits and widens them
    on loading, which halves the file while arithmetic stays in 32 bits; `arithmetic: half` writes the whole network
    in 16 bits, with casts where it meets 32: once a tensor, never there and back. Its inputs and outputs keep 32 bits
    unless `io: half` asks for 16.

    Half precision ends at 65504, and loses digits below 0.00006. On the first `images` calibration images each
    tensor's largest value, times `headroom` for what other images may hold, is compared with that end, and what
    rounding takes from it with its size: less than 30 dB is too little. Layers that read or write such a tensor or
    constant stay in 32 bits where the file is in 16, and are named in a warning where a board converts by itself.
    Bounds, such as those of a Clip, may lie beyond the range. Layers without a half form in ONNX, layers in integers,
    bodies of loops and branches, and what computes sizes stay in 32 bits too.

    Figures in the report are those of 16 bits: each layer's outputs are rounded, sums inside a layer are not.
    """

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"clean"})
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "fp16": "the network is in half precision already",
        "integers-alone": "layers that compute in integers gain nothing from it",
    }

    arithmetic: Literal["target", "half"] = Field(
        default="target", description="half: write the whole network in 16 bits, where the file decides about it"
    )
    io: Literal["float", "half"] = Field(
        default="float", description="half: inputs and outputs are in 16 bits too, with `arithmetic: half`"
    )
    images: int = Field(default=16, ge=0, description="how many calibration images to see ranges on")
    headroom: float = Field(default=2.0, ge=1, description="how much larger values may be on other images")
    only: tuple[str, ...] = Field(default=(), description="half precision for these layers only")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers in 32 bits")

    def gives(self, target: Target) -> frozenset[str]:
        """Say who holds the half precision: the file's weights, or the board's builder."""
        is_by_board = target.supports("fp16") and target.precisions["fp16"].carrier == "builder"
        return frozenset({"fp16"} if is_by_board else {"fp16", "narrow-weights"})

    def foresee(self, target: Target) -> Iterator[Diagnostic]:
        """Say where no gain is to be expected."""
        entry = target.precisions.get("fp16")
        if entry is None or not entry.supported:
            return
        rates = [row.ms_per_gmac for row in target.cost.classes.values()]
        if not any(rate["fp16"] < rate["fp32"] for rate in rates if {"fp16", "fp32"} <= rate.keys()):
            said = f"fp16 is not expected to be faster on {target.name}: {entry.because or 'no measurement says so'}"
            yield Diagnostic(NO_GAIN_EXPECTED, said, entry.help)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Refuse a target without half precision, and options that it cannot follow."""
        entry = target.precisions.get("fp16")
        if entry is None or not entry.supported:
            because = entry.because if entry is not None else None
            message = f"{target.name} does not run fp16" + (f": {because}" if because else "")
            yield Diagnostic(PRECISION_REFUSED, message, (entry.help if entry else None) or "remove the pass")
        elif entry.carrier == "builder" and (self.only or self.skip or "half" in (self.arithmetic, self.io)):
            options = "`arithmetic`, `io`, `only` and `skip`"
            said = f"on {target.name} the board converts the whole network, so {options} say nothing"
            yield Diagnostic(HALF_WHOLE, said, "remove these options")
        elif self.io == "half" and self.arithmetic != "half":
            said = "`io: half` is for a network that computes in 16 bits, and only its weights are stored in them here"
            yield Diagnostic(BORDERS_ALONE, said, "add `arithmetic: half`, or remove `io`")
        yield from check_selectors(program, self.only, "only")
        yield from check_selectors(program, self.skip, "skip")

    def decide(self, program: ProgramView, context: Context) -> HalfPrecision:
        """Look up who converts on this target, and which layers must not be converted."""
        entry = context.target.precisions.get("fp16")
        given: Carrier = "builder" if entry is not None and entry.carrier == "builder" else "weights"
        carrier: Carrier = "graph" if self.arithmetic == "half" else given
        if carrier == "weights":
            return HalfPrecision(carrier=carrier)
        chosen = select(program, self.only or ("*",)) - select(program, self.skip)
        if context.is_stand_in:
            found = find_half(program, chosen)
            return HalfPrecision(carrier=carrier, io=self.io, floats=found.floats if carrier == "graph" else {})
        stream = iter(()) if context.calibration is None else islice(context.calibration(), self.images)
        tensors = find_half(program, chosen).tensors(program)
        images, roundings = gather_roundings(program, tensors, stream)
        found = find_half(program, chosen, roundings, self.headroom)
        return HalfPrecision(
            carrier=carrier,
            io=self.io,
            images=images,
            floats=found.floats if carrier == "graph" else {},
            misfits=found.misfits,
        )

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Leave a note for the board, narrow the weights, or write the whole network in 16 bits."""
        assert isinstance(decision, HalfPrecision)
        program.set_metadata(PRECISION_KEY, "fp16")
        if decision.carrier != "weights" and not decision.images:
            said = "no calibration image was looked at, so tensors may leave the range of half precision unseen"
            log.find(Diagnostic(HALF_UNSEEN, said, "add `data: {calibration: {images: ...}}`"))
        if decision.carrier == "builder":
            program.set_metadata(CONVERTER_KEY, "board")
            _tell_builder(decision, log)
        elif decision.carrier == "weights":
            _narrow_weights(program, log)
        else:
            for layer, why in (decision.floats | decision.misfits).items():
                log.skip(layer, why)
            left = decision.floats.keys() | decision.misfits.keys()
            to_half(program, find_half(program, {op.name for op in program.each()} - left).halves)
            if decision.io == "half":
                for tensor, why in to_half_borders(program):
                    log.skip(tensor, why)


def _tell_builder(decision: HalfPrecision, log: Log) -> None:
    """Say what the board will do, and what it cannot."""
    said = "the board itself converts to half precision; figures here round what each layer writes, in 32-bit kernels"
    log.find(Diagnostic(BUILDER_CONVERTS, said, "run the kit's self-test on the board to see its own effect"))
    if decision.misfits:
        told = [f"{layer}: {why}" for layer, why in decision.misfits.items()]
        more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
        said = f"values leave half precision in {'; '.join(told[:3])}{more}, and the board converts these layers too"
        log.find(Diagnostic(HALF_MISFIT, said, "compare the accuracy, or leave fp16 out"))


def _narrow_weights(program: Program, log: Log) -> None:
    """Store each layer's 32-bit weight in 16 bits behind a Cast, once per tensor."""
    widened: dict[str, str] = {}
    for op in program.each():
        if op.domain or op.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            continue
        weight = program.const(op.input(1))
        if weight is None or weight.dtype != np.float32:
            continue
        why = rounding_of(weight).fault(1.0)
        if why is not None:
            log.skip(op, f"its weight {why}")
            continue
        tensor = op.input(1)
        if tensor not in widened:
            narrow = program.add_constant(f"{op.name}_fp16", weight.astype(np.float16))
            widened[tensor] = program.fresh(f"{op.name}_fp32")
            program.add("Cast", [narrow], [widened[tensor]], {"to": 1}, name=f"{op.name}_widen")
        program.set_input(op, 1, widened[tensor])
