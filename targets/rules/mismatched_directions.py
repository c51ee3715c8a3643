"""A two-way recurrent layer whose directions differ."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.operator_table import attribute_values
from compiler.target import Target


class MismatchedDirections(Rule):
    """A bidirectional recurrent layer uses other activations backwards than forwards.

    The runtime has one set of activations, and of their parameters, for both directions. Use the same, or two layers of
    one direction each.
    """

    code = Code("T035", "mismatched-directions", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each layer whose directions differ."""
        for op in target.each_asking(program, "mismatched-directions"):
            bad = [key for key in ("activations", "activation_alpha", "activation_beta") if _differs(op, key)]
            if bad and op.text("direction", "forward") == "bidirectional":
                yield self.at(
                    op,
                    f"{bad[0]} differ between forward and reverse, and {target.name} has one set for both",
                    help="use the same activations both ways, or two layers of one direction each",
                )


def _differs(op: Op, key: str) -> bool:
    """Compare the first half of a list attribute with the second."""
    values = attribute_values(op, key) or ()
    return values[: len(values) // 2] != values[len(values) // 2 :]
