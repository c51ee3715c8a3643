"""A local normalization over an even number of channels."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class EvenWindow(Rule):
    """A local response normalization looks at an even number of channels.

    The runtime centres the window on a channel, so that its size must be odd. One more or less changes the result
    little; train with it.
    """

    code = Code("T046", "even-window", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each LRN of even size."""
        for op in target.each_asking(program, "even-window"):
            size = op.integer("size", 1)
            if size % 2 == 0:
                yield self.at(
                    op,
                    f"size {size} is even, and {target.name} takes odd sizes only",
                    help=f"train with size {size + 1}",
                )
