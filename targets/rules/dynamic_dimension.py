"""A dimension that must be known when the network is built."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import StaticLimit
from compiler.target import Target


class DynamicDimension(Rule):
    """A dimension is open where the runtime picks its kernel by that number.

    A runtime may let batch or image sizes vary, but chooses a convolution's kernel for a fixed count of channels. Give
    the model's inputs fixed shapes.
    """

    code = Code("T011", "dynamic-dimension", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each listed dimension of a known rank that is no number."""
        for op, limit in target.each_limit(program, StaticLimit):
            tensor = op.input(limit.static)
            shape = program.type(tensor).shape if tensor else None
            for axis, size in enumerate(shape or ()):
                if not isinstance(size, int) and (not limit.axes or axis in limit.axes):
                    fault = f"axis {axis} of {tensor} has no fixed size, and {target.name} needs one"
                    yield self.at(op, limit.explain(fault), help=limit.help)
