"""A BatchNormalization that the target runs as a chain of element-wise layers."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import BatchNorm, ProgramView
from compiler.target import Target


class LooseBatchNorm(Rule):
    """A BatchNormalization has a parameter that is computed, or not in FP32.

    Only when all four parameters are FP32 constants does the parser make one scaling layer of it, which fuses with
    the convolution before it. Otherwise it becomes several element-wise layers. Export in evaluation mode and run
    fold-batchnorm.
    """

    code = Code("T024", "loose-batch-norm", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each BatchNormalization with such a parameter."""
        asking = {op.name for op in target.each_asking(program, "loose-batch-norm")}
        for norm in program.each(BatchNorm):
            bad = [name for name in norm.params if not program.is_constant(name) or _is_narrow(program, name)]
            if norm.name in asking and bad:
                yield self.at(
                    norm,
                    f"{bad[0]} is no FP32 constant, so {target.name} runs it as several element-wise layers",
                    help="export in evaluation mode with FP32 weights, and run fold-batchnorm",
                )


def _is_narrow(program: ProgramView, tensor: str) -> bool:
    """Tell whether a tensor has another type than FP32."""
    return str(program.type(tensor).dtype) != "float32"
