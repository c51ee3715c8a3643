"""A model in a newer version of ONNX's operator set than the target reads."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class OpsetTooNew(Rule):
    """The model uses a newer version of ONNX's operator set than the target's runtime knows.

    A runtime may read such a model as far as it understands it, and stop, or go wrong, where an operator has changed.
    Export with the version that the message names.
    """

    code = Code("T015", "opset-too-new", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding when the model is too new."""
        newest = target.opsets.newest
        if program.opset > newest:
            yield Diagnostic(
                self.code,
                f"opset {program.opset} is newer than the {newest} that {target.runtime} reads",
                help=f"export the model with opset {min(newest, target.opset)}",
            )
