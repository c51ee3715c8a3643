"""Channel counts that leave half of each FP16 lane empty."""

from collections.abc import Iterator

from compiler.analysis.channels import find_channels
from compiler.analysis.cost import PRECISION_KEY
from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Conv, ConvTranspose, Op, ProgramView
from compiler.target import Target


class OddChannels(Rule):
    """FP16 is asked for, and a convolution's channel count is no multiple of what the target's FP16 lanes hold.

    Boards without tensor cores gain from FP16 by handling channels in pairs; a lone last channel costs as much as two.
    Prune to a multiple of the target's floor. Layers whose filters have to stay, such as a detector's heads, are passed
    over.
    """

    code = Code("T020", "odd-channels", Severity.WARNING)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each convolution whose output channels are no multiple of the floor."""
        floor = target.channel_multiple.floor
        if "odd-channels" not in target.table.rules or program.metadata.get(PRECISION_KEY) != "fp16":
            return
        layers = (*program.each(Conv), *program.each(ConvTranspose))
        odd = [(op, channels) for op in layers if (channels := _channels(op, program)) is not None and channels % floor]
        held = find_channels(program).kept if odd else {}
        for op, channels in odd:
            if op.name not in held:
                yield self.at(
                    op,
                    f"{channels} output channels are no multiple of the {floor} that FP16 on {target.name} works in",
                    help=f"keep {channels + floor - channels % floor} channels: they cost the same",
                )


def _channels(op: Op, program: ProgramView) -> int | None:
    """Tell a convolution's output channels."""
    shape = program.type(op.y).shape
    size = shape[1] if shape is not None and len(shape) > 1 else None
    return size if isinstance(size, int) else None
