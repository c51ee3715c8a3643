"""A quantized convolution whose result scale is too fine."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class RequantizeOverflow(Rule):
    """A quantized convolution needs a multiplier above 1 to reach its output's scale.

    The 32-bit sums are brought to 8 bits by input scale x weight scale / output scale. Arm Compute Library 19.05
    refuses more than 1; version 20.02 takes it. Calibrate the output over a wider range.
    """

    code = Code("T044", "requantize-overflow", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose multiplier is above 1."""
        for op in target.each_asking(program, "requantize-overflow"):
            multiplier = _multiplier(op, program)
            if multiplier > 1:
                yield self.at(
                    op,
                    f"its scales give a multiplier of {multiplier:g}, more than the 1 that {target.name} takes",
                    help="calibrate the output over a wider range",
                )


def _multiplier(op: Op, program: ProgramView) -> float:
    """Work out the largest multiplier; 0 when a scale is not constant."""
    scales = program.consts(op.input(1), op.input(4), op.input(6))
    if scales is None:
        return 0.0
    x, w, y = (float(scale.astype("float64").max()) for scale in scales)
    return x * w / y if y else 0.0
