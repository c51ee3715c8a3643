"""An average pool whose uneven pads the target refuses."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class UnevenAveragePads(Rule):
    """An AveragePool is padded less at the end than at the begin, or more than 1 more.

    The parser of TensorRT 8.2 takes even pads, and 1 more at the end; everything else it refuses. Pad evenly, or put a
    Pad before the pool.
    """

    code = Code("T025", "uneven-average-pads", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each pool with such pads."""
        for op in target.each_asking(program, "uneven-average-pads"):
            pads = op.integers("pads")
            half = len(pads) // 2
            if any(end - begin not in (0, 1) for begin, end in zip(pads[:half], pads[half:], strict=True)):
                yield self.at(
                    op,
                    f"pads are {list(pads[:half])} before and {list(pads[half:])} after, and {target.name} takes "
                    "at most 1 more after than before",
                    help="pad both ends alike, or put a Pad before the pool",
                )
