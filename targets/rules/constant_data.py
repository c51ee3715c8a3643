"""An input that must be computed but is a constant."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import ComputedInput
from compiler.target import Target


class ConstantData(Rule):
    """An input is a constant where the runtime takes computed tensors only.

    The runtime's importer insists on a tensor of the running network there. Use the form of the operator that takes
    the value as an attribute, or fold the node into a constant.
    """

    code = Code("T005", "constant-data", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each listed input that is constant."""
        for op, limit in target.each_limit(program, ComputedInput):
            for slot, name in limit.computed.items():
                if program.is_constant(op.input(slot)):
                    fault = f"{name} {op.input(slot)} is a constant, and {target.name} takes computed tensors only"
                    yield self.at(op, limit.explain(fault), help=limit.help)
