"""A model in an older version of ONNX's operator set than the target reads."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class OpsetTooOld(Rule):
    """The model uses an older version of ONNX's operator set than the target's runtime understands.

    Before opset 7, element-wise operators spell out how they stretch their operands; runtimes of today read the
    later rule and build a network that fails. Export with a newer version.
    """

    code = Code("T016", "opset-too-old", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding when the model is too old."""
        oldest = target.opsets.oldest
        if program.opset < oldest:
            yield Diagnostic(
                self.code,
                f"opset {program.opset} is older than the {oldest} that {target.runtime} reads",
                help=f"export the model with opset {target.opset}",
            )
