"""A nearest-neighbour resize by a fraction."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class FractionalNearest(Rule):
    """A nearest-neighbour Resize scales by a fraction, or downwards.

    Which neighbour is nearest depends on rounding, and runtimes round differently; Arm Compute Library agrees with
    ONNX for whole scales. Resize by a whole number, or with mode linear.
    """

    code = Code("T045", "fractional-nearest", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each nearest resize whose scale is not a whole number."""
        for op in target.each_asking(program, "fractional-nearest"):
            odd = [scale for scale in _scales(op, program) if scale != int(scale) or scale < 1]
            if odd and op.text("mode", "nearest") == "nearest":
                yield self.at(
                    op,
                    f"nearest neighbour by {odd[0]:g}, and {target.name} agrees with ONNX for whole numbers only",
                    help="resize by a whole number, or with mode linear",
                )


def _scales(op: Op, program: ProgramView) -> tuple[float, ...]:
    """Work out the scale per axis from the shapes; empty when they are not known."""
    before, after = program.shape(op.x), program.shape(op.y)
    if before is None or after is None:
        return ()
    return tuple(new / old if old else 1 for old, new in zip(before, after, strict=False))
