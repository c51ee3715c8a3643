"""Channel counts that the target's layouts fill up with zeros."""

from collections.abc import Iterator

from compiler.analysis.channels import find_channels
from compiler.analysis.cost import PRECISION_KEY
from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Conv, ConvTranspose, ProgramView
from compiler.target import Target


class UnpaddedChannels(Rule):
    """FP16 is asked for, and channel counts are no multiple of what the target's layouts are padded to.

    Layouts for FP16 hold channels in blocks; the rest of the last block is zeros that are moved and multiplied all the
    same. Prune to the preferred multiple and those channels come free. Layers whose filters have to stay, such as a
    detector's heads, are not counted.
    """

    code = Code("T021", "unpadded-channels", Severity.NOTE)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield one finding that counts the layers."""
        prefer = target.channel_multiple.prefer
        if "unpadded-channels" not in target.table.rules or program.metadata.get(PRECISION_KEY) != "fp16":
            return
        layers = (*program.each(Conv), *program.each(ConvTranspose))
        sizes = {op.name: (program.type(op.y).shape or (0, 0))[1] for op in layers}
        odd = {name: size for name, size in sizes.items() if isinstance(size, int) and size % prefer}
        held = find_channels(program).kept if odd else {}
        found = [f"{name} {size}" for name, size in odd.items() if name not in held]
        if found:
            rest = ", ..." if len(found) > 3 else ""
            yield Diagnostic(
                self.code,
                f"{len(found)} of {len(sizes)} convolutions have channel counts that are no multiple of the "
                f"{prefer} that {target.name} prefers: {', '.join(found[:3])}{rest}",
                help=f"prune to multiples of {prefer}: the channels up to the next one cost next to nothing",
            )
