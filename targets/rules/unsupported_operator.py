"""An operator that the target's runtime lacks."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class UnsupportedOperator(Rule):
    """The target's runtime is known to lack an operator.

    Building the engine on the board would stop here. The help names a rewrite where one is known; otherwise end the
    network before the operator and run the rest on the host.
    """

    code = Code("T002", "unsupported-operator", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose row says no."""
        for op in program.each():
            row = target.row(op)
            if row is not None and not row.supported:
                why = f": {row.because}" if row.because else ""
                yield self.at(op, f"{target.name} cannot run {op.op_type}{why}", help=row.help)
