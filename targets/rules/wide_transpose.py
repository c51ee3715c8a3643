"""A transpose of more axes than the target can, unless it shuffles channels."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class WideTranspose(Rule):
    """A Transpose moves more than four axes.

    Arm Compute Library 19.05 transposes up to four. A channel shuffle, written as Reshape, Transpose of five axes and
    Reshape, is a function of its own there and passes. Merge neighbouring axes with a Reshape first.
    """

    code = Code("T030", "wide-transpose", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each Transpose of over four axes that does not shuffle channels."""
        for op in target.each_asking(program, "wide-transpose"):
            shape = program.type(op.x).shape
            if shape is not None and len(shape) > 4 and not _is_shuffle(op, program):
                yield self.at(
                    op,
                    f"it moves {len(shape)} axes, more than the 4 that {target.name} can",
                    help="merge neighbouring axes with a Reshape first",
                )


def _is_shuffle(op: Op, program: ProgramView) -> bool:
    """Tell whether a Transpose stands between the Reshapes of a channel shuffle."""
    before = program.producer(op.x)
    readers = program.readers(op.y)
    if before is None or len(readers) != 1 or op.integers("perm") != (0, 2, 1, 3, 4):
        return False
    image, split = program.shape(before.x), program.shape(op.x)
    if before.op_type != "Reshape" or readers[0].op_type != "Reshape" or image is None or split is None:
        return False
    return len(image) == 4 and image == program.shape(readers[0].y) and split[0] == image[0] and split[3:] == image[2:]
