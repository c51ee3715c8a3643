"""A node that uses more or fewer inputs or outputs than the target's operator has."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import CountLimit
from compiler.target import Target


class WrongSlotCount(Rule):
    """A node uses more or fewer inputs or outputs than the runtime's version of the operator has.

    Optional inputs that ONNX gives a default may be mandatory to a runtime, and optional outputs may be missing. State
    the input, or do without the output.
    """

    code = Code("T009", "wrong-slot-count", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node outside the counts; a slot that is left empty does not count."""
        for op, limit in target.each_limit(program, CountLimit):
            used = len([name for name in (op.inputs if limit.uses == "inputs" else op.outputs) if name])
            if used > limit.at_most:
                fault = f"{used} {limit.uses} are used, and {target.name} takes at most {limit.at_most}"
                yield self.at(op, limit.explain(fault), help=limit.help)
            if used < limit.at_least:
                fault = f"{used} {limit.uses} are used, and {target.name} needs {limit.at_least}"
                yield self.at(op, limit.explain(fault), help=limit.help)
