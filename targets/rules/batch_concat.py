"""A Concat along the batch."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Concat, ProgramView
from compiler.target import Target


class BatchConcat(Rule):
    """A Concat joins tensors along the batch where the runtime joins channels, rows and columns only.

    Arm Compute Library joins along the batch from version 19.08 on. Run the network once per image, or join
    along another axis.
    """

    code = Code("T040", "batch-concat", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each Concat of four-axis tensors along the first."""
        asking = {op.name for op in target.each_asking(program, "batch-concat")}
        for op in program.each(Concat):
            shape = program.type(op.x).shape
            if op.name in asking and shape is not None and len(shape) == 4 and op.axis in (0, -4):
                yield self.at(
                    op,
                    f"it joins along the batch, and {target.name} joins along channels, rows and columns only",
                    help="run the network once per image, or join along another axis",
                )
