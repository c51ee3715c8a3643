"""Clip bounds in FP16, which the parser misreads."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class HalfClipBounds(Rule):
    """A Clip has bounds in FP16.

    The parser of TensorRT 8.2 reads constant bounds as if they were FP32, so FP16 ones become arbitrary numbers; and
    with computed bounds it takes FP32 and INT32 only. Keep the file in FP32 and ask for FP16 when building.
    """

    code = Code("T023", "half-clip-bounds", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each bound in FP16."""
        for op in target.each_asking(program, "half-clip-bounds"):
            for bound in filter(None, op.inputs[1:3]):
                if str(program.type(bound).dtype) == "float16":
                    outcome = "reads as FP32, so that its value changes" if program.is_constant(bound) else "refuses"
                    yield self.at(
                        op,
                        f"bound {bound} is in FP16, which {target.name} {outcome}",
                        help="keep the file in FP32 and ask for FP16 when building",
                    )
