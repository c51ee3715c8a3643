"""A reciprocal that is not that of a square root."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class LoneReciprocal(Rule):
    """A Reciprocal stands alone where the runtime has the reciprocal of a square root only.

    Arm Compute Library 19.05 has Rsqrt but no Reciprocal. Divide 1 by the tensor instead.
    """

    code = Code("T047", "lone-reciprocal", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each Reciprocal that does not follow a Sqrt of its own."""
        for op in target.each_asking(program, "lone-reciprocal"):
            maker = program.producer(op.x)
            if maker is None or maker.op_type != "Sqrt":
                yield self.at(
                    op,
                    f"{op.x} is no square root, and {target.name} has the reciprocal of square roots only",
                    help="write Div(1, x)",
                )
