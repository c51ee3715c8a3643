"""An average pool padded more at one end than at the other."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class UnevenAveragePads(Rule):
    """An AveragePool is padded more at one end than at the other.

    The parser of TensorRT 8.2 refuses it when the end has less, or over 1 more, than the begin. One more is accepted,
    but the correction comes after the layer was set up, so the averages along the border may be wrong. Pad evenly, or
    put a Pad before the pool.
    """

    code = Code("T025", "uneven-average-pads", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each pool with such pads."""
        for op in target.each_asking(program, "uneven-average-pads"):
            pads = op.integers("pads")
            half = len(pads) // 2
            for axis, (begin, end) in enumerate(zip(pads[:half], pads[half:], strict=True)):
                if begin != end:
                    outcome = "may compute a wrong border" if end - begin == 1 else "refuses it"
                    yield self.at(
                        op,
                        f"spatial axis {axis} is padded {begin} before and {end} after, and {target.name} {outcome}",
                        help="pad both ends alike, or put a Pad before the pool",
                    )
                    break
