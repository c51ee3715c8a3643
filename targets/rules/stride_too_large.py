"""A convolution or pool that strides further than the target's kernels can."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.target import Target


class StrideTooLarge(Rule):
    """A convolution or pool strides further than the target's kernels can.

    The kernel library has no code path past its largest stride, so the runtime would refuse the model on the
    device. Stride less, or split the stride between the convolution and a pooling layer.
    """

    code = Code("T012", "stride-too-large", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node past its row's limit."""
        for op, row in target.each_row(program):
            stride = max(op.integers("strides"), default=1)
            if row.max_stride is not None and stride > row.max_stride:
                yield self.at(
                    op,
                    f"stride {stride} is more than the {row.max_stride} that {target.name} allows",
                    help=f"stride at most {row.max_stride} here and pool for the rest",
                )
