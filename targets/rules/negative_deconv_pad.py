"""A transposed convolution whose stated output size needs a negative pad."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ConvTranspose, ProgramView
from compiler.target import Target


class NegativeDeconvPad(Rule):
    """A ConvTranspose states an output size that it can only reach with a negative pad.

    Along an axis, pads = stride (n - 1) + output_padding + dilation (k - 1) + 1 - output size, for n inputs and a
    kernel of k. When the stated size is larger than the rest, that is below 0, and the parser of TensorRT 8.2 refuses
    it. Use a larger kernel or output_padding, or a Pad behind the layer.
    """

    code = Code("T026", "negative-deconv-pad", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose pads come out negative."""
        asking = {op.name for op in target.each_asking(program, "negative-deconv-pad")}
        for conv in program.each(ConvTranspose):
            for axis, pads in enumerate(_pads(conv, program) if conv.name in asking else ()):
                if pads < 0:
                    yield self.at(
                        conv,
                        f"its output_shape needs {pads} pads on spatial axis {axis}, and {target.name} takes 0 or more",
                        help="state pads and output_padding instead of output_shape, or pad behind the layer",
                    )
                    break


def _pads(conv: ConvTranspose, program: ProgramView) -> list[int]:
    """Work out the sum of both pads per spatial axis; empty when it is not stated or not known."""
    x, w, size = program.shape(conv.x), program.shape(conv.w), conv.integers("output_shape")
    if x is None or w is None or not size:
        return []
    rank = len(w) - 2
    ones, zeros = (1,) * rank, (0,) * rank
    strides, dilations, extra = conv.strides or ones, conv.dilations or ones, conv.integers("output_padding", zeros)
    return [
        strides[i] * (x[i + 2] - 1) + extra[i] + dilations[i] * (w[i + 2] - 1) + 1 - size[i - rank] for i in range(rank)
    ]
