"""8-bit quantization for a target that has no fast 8-bit arithmetic."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class Int8WithoutGain(Rule):
    """The model carries 8-bit quantization, and the target does not compute in 8 bits.

    Builders accept the model all the same, then run it in emulation, slower than in floating point and less accurate.
    Drop the quantization and use what the help names.
    """

    code = Code("T036", "int8-without-gain", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding that counts the nodes."""
        nodes = [op.name for op in target.each_asking(program, "int8-without-gain")]
        int8 = target.precisions.get("int8")
        if nodes and not target.supports("int8"):
            why = f": {int8.because}" if int8 is not None and int8.because else ""
            advice = int8.help if int8 is not None else None
            yield Diagnostic(
                self.code,
                f"nodes quantize or dequantize ({len(nodes)}, {nodes[0]} first), and {target.name} has no INT8{why}",
                help=advice or "take the quantization out of the recipe",
            )
