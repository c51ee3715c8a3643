"""An average pool whose uneven pads may spoil its border."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class RiskyAveragePads(Rule):
    """An AveragePool is padded by 1 more at the end than at the begin.

    The parser of TensorRT 8.2 accepts that, but by its code the correction for it comes after the layer was set up, so
    the averages along the last row and column may be wrong. Nothing on the board would tell. Compare the border with
    the host's before you allow it, pad evenly, or put a Pad before the pool.
    """

    code = Code("T050", "risky-average-pads", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each pool with such pads."""
        for op in target.each_asking(program, "risky-average-pads"):
            pads = op.integers("pads")
            half = len(pads) // 2
            extra = {end - begin for begin, end in zip(pads[:half], pads[half:], strict=True)}
            if 1 in extra and extra <= {0, 1}:
                yield self.at(
                    op,
                    f"pads are {list(pads[:half])} before and {list(pads[half:])} after: "
                    f"{target.name} may compute a wrong border",
                    help="pad both ends alike, put a Pad before the pool, or compare the border on the board",
                )
