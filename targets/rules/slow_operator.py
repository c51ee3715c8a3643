"""An operator that works on the target, but at a price."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class SlowOperator(Rule):
    """The runtime has the operator, but runs it in a way that costs more than it seems.

    Some operators become loops, copies of whole tensors, or plugins that nothing is fused with. The help names what to
    use instead. Where the layer is small this is worth an `allow`.
    """

    code = Code("T019", "slow-operator", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose row carries such advice."""
        for op, row in target.each_row(program):
            if row.slow is not None:
                yield self.at(op, f"slow on {target.name}: {row.slow.because}", help=row.slow.help)
