"""Depthwise and grouped convolutions asked to run in FP16 where that gains nothing."""

from collections.abc import Iterator

from compiler.analysis.cost import PRECISION_KEY
from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Conv, ProgramView
from compiler.target import Target


class HalfDepthwise(Rule):
    """FP16 is asked for, and depthwise or grouped convolutions will not be faster for it.

    On Pascal and Maxwell boards the builder has no FP16 kernel for grouped convolutions that beats FP32: MobileNet
    V1 took the same time in both precisions, and networks made of grouped layers gained a few percent. Dense
    convolutions gain 1.6 to 2 times. Expect a gain from the dense layers only, or build a dense backbone.
    """

    code = Code("T014", "half-depthwise", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding that counts the layers."""
        if program.metadata.get(PRECISION_KEY) != "fp16":
            return
        layers = [op.name for op in target.each_asking(program, "half-depthwise") if op.integer("group", 1) > 1]
        every = len(list(program.each(Conv)))
        if layers:
            yield Diagnostic(
                self.code,
                f"{len(layers)} of {every} convolutions are depthwise or grouped and gain nothing from FP16 on "
                f"{target.name}, {layers[0]} first",
                help="expect a gain from the dense layers only, or choose a backbone of dense convolutions",
            )
