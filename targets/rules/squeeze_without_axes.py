"""A Squeeze that leaves its axes to a shape which is not fixed."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class SqueezeWithoutAxes(Rule):
    """A Squeeze names no axes, and its input's shape is not fixed.

    Without axes it drops every axis of size 1, which the runtime can only do for sizes that it knows when the network
    is built. Name the axes, or fix the input's shape.
    """

    code = Code("T029", "squeeze-without-axes", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each such node."""
        for op in target.each_asking(program, "squeeze-without-axes"):
            if not op.has(1) and "axes" not in op.attributes and program.shape(op.x) is None:
                yield self.at(
                    op,
                    f"no axes are named, and {op.x} has no fixed shape for {target.name} to find them in",
                    help="name the axes, or fix the shape of the model's input",
                )
