"""A tensor with more axes than the target's runtime can hold."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class RankTooHigh(Rule):
    """A tensor has more axes than any tensor of the target's runtime may have.

    Merge neighbouring axes with a Reshape; pixel shuffles and attention blocks often have axes to spare.
    """

    code = Code("T017", "rank-too-high", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node that writes such a tensor."""
        limit = target.table.max_rank
        for op in program.each():
            ranks = [len(program.type(name).shape or ()) for name in op.outputs if name]
            if limit is not None and max(ranks, default=0) > limit:
                yield self.at(
                    op,
                    f"its output has {max(ranks)} axes, more than the {limit} that {target.name} allows",
                    help=f"merge axes with a Reshape so that at most {limit} remain",
                )
