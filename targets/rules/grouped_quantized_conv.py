"""A grouped convolution in 8 bits."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class GroupedQuantizedConv(Rule):
    """A grouped convolution runs in 8 bits where the runtime has grouped ones in floating point only.

    Depthwise convolutions are a kernel of their own and work. Leave grouped layers out of the quantization, or use
    dense or depthwise ones.
    """

    code = Code("T043", "grouped-quantized-conv", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each grouped, not depthwise, convolution on 8-bit data."""
        for op in target.each_asking(program, "grouped-quantized-conv"):
            shape, group = program.type(op.x).shape, op.integer("group", 1)
            is_depthwise = shape is not None and len(shape) > 1 and shape[1] == group
            if group > 1 and not is_depthwise and _is_quantized(op, program):
                yield self.at(
                    op,
                    f"{group} groups in 8 bits, and {target.name} runs grouped convolutions in floating point only",
                    help="leave this layer out of the quantization, or make it dense or depthwise",
                )


def _is_quantized(op: Op, program: ProgramView) -> bool:
    """Tell whether a convolution reads 8-bit data, directly or through DequantizeLinear."""
    maker = program.producer(op.x)
    is_behind = maker is not None and maker.op_type == "DequantizeLinear"
    return is_behind or str(program.type(op.x).dtype) in ("uint8", "int8")
