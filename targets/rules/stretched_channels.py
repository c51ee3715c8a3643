"""A linear resize along more than the last three axes."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class StretchedChannels(Rule):
    """A linear Resize changes an axis that is not among the last three.

    The runtime interpolates along the last three axes at most; batch, or channels of a network over volumes, must keep
    their size. Repeat those with Tile, or transpose them to the end.
    """

    code = Code("T032", "stretched-channels", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each linear resize of a leading axis."""
        for op in target.each_asking(program, "stretched-channels"):
            scales = _scales(op, program)
            for axis, scale in enumerate(scales[:-3]):
                if op.text("mode", "nearest") == "linear" and scale != 1:
                    yield self.at(
                        op,
                        f"axis {axis} is scaled by {scale:g}, and {target.name} interpolates the last 3 axes only",
                        help="repeat that axis with Tile, or transpose it to the end",
                    )


def _scales(op: Op, program: ProgramView) -> tuple[float, ...]:
    """Read the scale per axis, from the sizes where no scales are given."""
    value = program.const(op.input(2 if op.op_type == "Resize" and program.opset > 10 else 1))
    if value is not None and value.size:
        return tuple(float(scale) for scale in value.ravel().tolist())
    before, after = program.shape(op.x), program.shape(op.y)
    if before is None or after is None:
        return ()
    return tuple(new / old if old else 1 for old, new in zip(before, after, strict=False))
