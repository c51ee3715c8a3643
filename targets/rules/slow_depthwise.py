"""A depthwise convolution outside the target's fast kernel."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class SlowDepthwise(Rule):
    """A depthwise convolution has another kernel than 3x3, or strides further than 3.

    Arm Compute Library 19.05 has one fast depthwise kernel, 3x3 with strides 1 to 3. All others unroll the image into a
    matrix first; a faster general kernel comes with version 19.11. Two 3x3 layers see as far as one of 5x5.
    """

    code = Code("T042", "slow-depthwise", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each depthwise convolution on the slow path."""
        for op in target.each_asking(program, "slow-depthwise"):
            kernel = _depthwise_kernel(op, program)
            stride = max(op.integers("strides"), default=1)
            if kernel and (kernel != (3, 3) or stride > 3):
                yield self.at(
                    op,
                    f"depthwise {'x'.join(map(str, kernel))} with stride {stride} misses the fast kernel of "
                    f"{target.name}, 3x3 with stride at most 3",
                    help="use 3x3 kernels, two in a row for a wider view",
                )


def _depthwise_kernel(op: Op, program: ProgramView) -> tuple[int, ...]:
    """Read the window of a depthwise convolution; empty for any other."""
    x, w = program.type(op.x).shape, program.shape(op.input(3 if op.op_type == "QLinearConv" else 1))
    group = op.integer("group", 1)
    return w[2:] if w is not None and x is not None and len(x) > 1 and group > 1 and group == x[1] else ()
