"""A window padded more at one end than at the other."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import SymmetryLimit
from compiler.target import Target


class UnevenPads(Rule):
    """A window is padded more at one end than at the other where the runtime has one number for both.

    Pad both ends by the larger number and cut the surplus off with a Slice, or put a Pad before the layer.
    """

    code = Code("T013", "uneven-pads", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose begin and end pads differ."""
        for op, limit in target.each_limit(program, SymmetryLimit):
            pads = op.integers(limit.symmetric)
            begin, end = pads[: len(pads) // 2], pads[len(pads) // 2 :]
            if begin != end:
                found = f"{limit.symmetric} are {list(begin)} before and {list(end)} after"
                fault = f"{found}, and {target.name} has one number for both"
                yield self.at(op, limit.explain(fault), help=limit.help)
