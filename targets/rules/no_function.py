"""A layer that no function of the runtime can be called for."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target
from targets.emitters.acl.translate import refusals


class NoFunction(Rule):
    """A layer, or an input of the network, that the kit's program cannot be written with.

    The kit for Arm Compute Library is a program that calls the library's functions one by one. What this rule finds is
    what the writer of that program would stop at: an operator or a form of one without a function, a tensor of
    another type than 32-bit floats, more than one image at a time. It is said here so that no time is spent first.
    """

    code = Code("T051", "no-function", Severity.ERROR)
    is_last_resort = True

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each obstacle, but for operators and versions of the operator set that are refused already."""
        if "no-function" not in target.table.rules or program.opset != target.opset:
            return
        for found in refusals(program):
            if found.op is None:
                yield Diagnostic(self.code, found.why, help=found.help)
                continue
            row = target.row(found.op)
            if row is not None and row.supported:
                said = f"the kit for {target.name} cannot be written with it: {found.why}"
                yield self.at(found.op, said, help=found.help)
