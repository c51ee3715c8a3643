"""A fully connected layer that the parser takes for one without outputs."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Gemm, ProgramView
from compiler.target import Target


class GemmWithoutBias(Rule):
    """A Gemm with a constant weight has no bias, and the runtime's parser reads the output count from the bias.

    The parser of TensorRT 8.2.1 turns such a Gemm into a fully connected layer with as many outputs as the bias has
    values: none. The build on the board then fails far from the cause; later parsers are mended. Factorised layers are
    what usually lacks a bias: give them one of zeros.
    """

    code = Code("T022", "gemm-without-bias", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each Gemm with a constant weight and no bias."""
        for op in target.each_asking(program, "gemm-without-bias"):
            if program.is_constant(op.input(Gemm.W)) and not op.has(Gemm.C):
                yield self.at(
                    op,
                    f"it has no bias, and {target.name} takes the output count from the bias: the layer gets 0 outputs",
                    help="add a bias of zeros with one value per output",
                )
