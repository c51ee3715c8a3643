"""A transposed convolution that the target splits into several layers."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ConvTranspose, ProgramView
from compiler.target import Target


class SplitOutputPadding(Rule):
    """A ConvTranspose has more output_padding than end pads.

    The parser takes the extra rows off the end pads. When these do not suffice it appends a slice that fills up, and
    adds the bias in a layer of its own, so that nothing fuses. Kernel 4, stride 2, pads 1 give the same size without.
    """

    code = Code("T027", "split-output-padding", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose extra rows exceed its end pads."""
        asking = {op.name for op in target.each_asking(program, "split-output-padding")}
        for conv in program.each(ConvTranspose):
            extra = conv.integers("output_padding")
            end = conv.pads[len(conv.pads) // 2 :] or (0,) * len(extra)
            if conv.name in asking and any(more > pad for more, pad in zip(extra, end, strict=False)):
                yield self.at(
                    conv,
                    f"output_padding {list(extra)} exceeds the end pads {list(end)}: "
                    f"{target.name} runs it as several layers",
                    help="use kernel 4, stride 2 and pads 1 for twice the size, without output_padding",
                )
