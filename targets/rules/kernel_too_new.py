"""An operator in a newer form than the target has a kernel for."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import VersionLimit
from compiler.target import Target


class KernelTooNew(Rule):
    """The runtime reads the model's operator set but has no kernel for the newest form of one operator.

    ONNX revises operators one by one, and runtimes follow later. Export with the version that the message names.
    """

    code = Code("T038", "kernel-too-new", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose operator set is past the row's limit."""
        for op, limit in target.each_limit(program, VersionLimit):
            if program.opset > limit.newest:
                fault = (
                    f"opset {program.opset} is newer than the {limit.newest} that {target.name} has {op.op_type} for"
                )
                yield self.at(op, limit.explain(fault), help=limit.help)
