"""An operator that the target's table does not name."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity, did_you_mean
from compiler.ir import ProgramView
from compiler.target import Target, operator_name


class UnknownOperator(Rule):
    """The operator table of the target's runtime has no row for an operator.

    The table names every operator that was looked up in the runtime's sources, so that this one was never expected
    to work. It may be misspelt, belong to a custom domain, or be newer than the table. Rewrite it with operators that
    the table has, or end the network before it and run the rest on the host.
    """

    code = Code("T001", "unknown-operator", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose operator has no row."""
        has = [name for name, row in target.ops.items() if row.supported]
        for op in program.each():
            if target.row(op) is None:
                name = operator_name(op)
                near = did_you_mean(name, has)
                advice = "rewrite it with operators that the table has, or run it on the host"
                yield self.at(
                    op,
                    f"the operator table of {target.runtime} does not name {name}",
                    help=f"{near} otherwise {advice}" if near else advice,
                )
