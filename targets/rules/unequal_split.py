"""A Split into parts of different sizes."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class UnequalSplit(Rule):
    """A Split cuts a tensor into parts of different sizes where the runtime cuts equal ones only.

    Arm Compute Library takes explicit sizes from version 20.02 on. Use one Slice per part.
    """

    code = Code("T039", "unequal-split", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each Split whose parts differ."""
        for op in target.each_asking(program, "unequal-split"):
            sizes = _sizes(op, program)
            if len(set(sizes)) > 1:
                yield self.at(
                    op,
                    f"its parts have sizes {list(sizes)}, and {target.name} cuts equal parts only",
                    help="use one Slice per part",
                )


def _sizes(op: Op, program: ProgramView) -> tuple[int, ...]:
    """Read the size of each part; empty when it is not known."""
    axis = op.integer("axis", 0)
    shapes = [program.shape(name) for name in op.outputs]
    return tuple(shape[axis] for shape in shapes if shape is not None)
