"""Half precision, in the way that the target wants it."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np

from compiler.analysis.cost import PRECISION_KEY
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import Diagnostic
from compiler.ir import Program, ProgramView
from compiler.plan_codes import BUILDER_CONVERTS, PRECISION_REFUSED
from compiler.target import Target

_LARGEST = 65504.0


class HalfPrecision(Decision):
    """How the target gets its half precision."""

    carrier: Literal["builder", "weights"]


class Fp16(Pass):
    """Half precision, in the way that the target wants it.

    Where the board's own builder converts (TensorRT), the file keeps its 32-bit weights and the build script asks the
    builder for 16 bits; it then falls back to 32 bits wherever that is faster. Elsewhere the weights are stored
    in 16 bits and widened on loading, which halves the file; arithmetic stays in 32 bits. Weights beyond the
    16-bit range (65504) and constants that are no weights stay as they are.
    """

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"clean"})
    spoilt_by: ClassVar[Mapping[str, str]] = {"integers": "layers that compute in integers gain nothing from it"}

    def gives(self, target: Target) -> frozenset[str]:
        """Say who holds the half precision: the file's weights, or the board's builder."""
        entry = target.precisions.get("fp16")
        return frozenset({"fp16", "narrow-weights"} if entry is None or entry.carrier != "builder" else {"fp16"})

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Refuse a target without half precision."""
        del program
        if not target.supports("fp16"):
            entry = target.precisions.get("fp16")
            because = entry.because if entry is not None else None
            message = f"{target.name} does not run fp16" + (f": {because}" if because else "")
            yield Diagnostic(PRECISION_REFUSED, message, (entry.help if entry else None) or "remove the pass")

    def decide(self, program: ProgramView, context: Context) -> HalfPrecision:
        """Look up who converts on this target."""
        del program
        carrier = context.target.precisions["fp16"].carrier if context.target.supports("fp16") else "weights"
        return HalfPrecision(carrier="builder" if carrier == "builder" else "weights")

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Leave a note for the builder, or narrow the weights."""
        assert isinstance(decision, HalfPrecision)
        program.set_metadata(PRECISION_KEY, "fp16")
        if decision.carrier == "builder":
            said = "the board's builder makes the half precision; outputs measured here are those of 32 bits"
            log.find(Diagnostic(BUILDER_CONVERTS, said, "run the kit's infer.py on the board to see its effect"))
        else:
            _narrow_weights(program, log)


def _narrow_weights(program: Program, log: Log) -> None:
    """Store each layer's 32-bit weight in 16 bits behind a Cast, once per tensor."""
    widened: dict[str, str] = {}
    for op in program.each():
        if op.domain or op.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            continue
        weight = program.const(op.input(1))
        if weight is None or weight.dtype != np.float32:
            continue
        if float(np.abs(weight).max(initial=0.0)) > _LARGEST:
            log.skip(op, f"a weight is larger than {_LARGEST:g}")
            continue
        tensor = op.input(1)
        if tensor not in widened:
            narrow = program.add_constant(f"{op.name}_fp16", weight.astype(np.float16))
            widened[tensor] = program.fresh(f"{op.name}_fp32")
            program.add("Cast", [narrow], [widened[tensor]], {"to": 1}, name=f"{op.name}_widen")
        program.set_input(op, 1, widened[tensor])
