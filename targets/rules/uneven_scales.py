"""Quantization scales that do not fit the tensor they scale."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class UnevenScales(Rule):
    """A quantization has more than one scale where the runtime takes one, or the wrong number of them.

    Weights may have one scale per channel, tensors that the network computes have one in all; and there are as many
    zero points as scales. Calibrate activations per tensor.
    """

    code = Code("T037", "uneven-scales", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose scales do not fit."""
        for op in target.each_asking(program, "uneven-scales"):
            fault = _fault(op, program)
            if fault is not None:
                yield self.at(
                    op,
                    f"{fault}, and {target.name} refuses that",
                    help="use one scale per tensor for activations and one per channel, or one, for weights",
                )


def _fault(op: Op, program: ProgramView) -> str | None:
    """Say how a node's scales do not fit, or None."""
    scale, zero, x = program.const(op.input(1)), program.const(op.input(2)), program.shape(op.x)
    if scale is None:
        return None
    if zero is not None and zero.size != scale.size:
        return f"there are {scale.size} scales and {zero.size} zero points"
    if scale.size == 1:
        return None
    source = program.producer(op.x)
    if not program.is_constant(op.x) and (source is None or not program.is_constant(source.x)):
        return f"{op.x} is computed and has {scale.size} scales"
    axis = op.integer("axis", 1)
    if x is not None and -len(x) <= axis < len(x) and x[axis] != scale.size:
        return f"there are {scale.size} scales for the {x[axis]} slices of axis {axis}"
    return None
