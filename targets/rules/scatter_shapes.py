"""A scatter whose indices or updates do not fit into its data."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class ScatterShapes(Rule):
    """Data, indices and updates of a scatter differ in rank, or indices or updates are larger than the data.

    The runtime checks what ONNX leaves to the values. Reshape all three to the same number of axes, and scatter no more
    than the data holds along each.
    """

    code = Code("T031", "scatter-shapes", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each scatter that does not fit."""
        for op in target.each_asking(program, "scatter-shapes"):
            data = program.shape(op.x)
            for slot, name in ((1, "indices"), (2, "updates")):
                part = program.shape(op.input(slot))
                if data is None or part is None:
                    continue
                if len(part) != len(data) or any(size > room for size, room in zip(part, data, strict=True)):
                    yield self.at(
                        op,
                        f"{name} of shape {list(part)} do not fit data of shape {list(data)} on {target.name}",
                        help="give all three the same number of axes, and scatter in parts",
                    )
                    break
