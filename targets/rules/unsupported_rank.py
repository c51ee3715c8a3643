"""An input with a number of axes that the target's operator does not take."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import RankLimit, one_of
from compiler.target import Target


class UnsupportedRank(Rule):
    """An input has more or fewer axes than the runtime's version of the operator takes.

    ONNX leaves the number of axes open where a kernel has it fixed: a convolution over three spatial axes is an
    operator of its own to a runtime. Reshape before and after the node.
    """

    code = Code("T006", "unsupported-rank", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each input whose known rank is not listed."""
        for op, limit in target.each_limit(program, RankLimit):
            shape = program.type(op.input(limit.input)).shape if op.has(limit.input) else None
            if shape is not None and len(shape) not in limit.rank:
                tensor = op.input(limit.input)
                fault = f"{tensor} has {len(shape)} axes, and {target.name} takes {one_of(limit.rank)} here"
                yield self.at(op, limit.explain(fault), help=limit.help)
