"""Box selection whose result the target pads to a fixed size."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class PaddedDetections(Rule):
    """NonMaxSuppression runs as an experimental plugin that always returns the same number of rows.

    ONNX returns as many rows as boxes were kept; the plugin of TensorRT 8.2 fills up to the largest count, and the
    parser's own support check says no to it. What reads the rows must stop at the fill. Ending the network at the raw
    boxes and selecting on the host is safer.
    """

    code = Code("T033", "padded-detections", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each NonMaxSuppression."""
        for op in target.each_asking(program, "padded-detections"):
            yield self.at(
                op,
                f"{target.name} runs it as an experimental plugin whose result is filled up to the largest box count",
                help="end the network at the raw boxes and select on the host, or stop reading at the fill",
            )
