"""An optional input that the target's operator does not have."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import AbsentInput
from compiler.target import Target


class UnsupportedInput(Rule):
    """A node uses an optional input that the runtime's version of the operator does not have.

    Leave the input out, or export the model with the version of ONNX's operator set that the help names.
    """

    code = Code("T010", "unsupported-input", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each listed input that is given."""
        for op, limit in target.each_limit(program, AbsentInput):
            for slot, name in limit.absent.items():
                if op.has(slot):
                    fault = f"{target.name} has no input {name}, and {op.input(slot)} is given"
                    yield self.at(op, limit.explain(fault), help=limit.help)
