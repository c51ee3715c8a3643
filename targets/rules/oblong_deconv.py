"""A transposed convolution whose kernel is not square."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ConvTranspose, ProgramView
from compiler.target import Target


class OblongDeconv(Rule):
    """A ConvTranspose has a kernel whose sides differ where the runtime takes square ones.

    Pad the kernel with zeros to a square and the pads with it, or use Resize and a convolution.
    """

    code = Code("T041", "oblong-deconv", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each node whose kernel is not square."""
        asking = {op.name for op in target.each_asking(program, "oblong-deconv")}
        for conv in program.each(ConvTranspose):
            kernel = (program.shape(conv.w) or ())[2:]
            if conv.name in asking and len(set(kernel)) > 1:
                yield self.at(
                    conv,
                    f"its kernel is {'x'.join(map(str, kernel))}, and {target.name} takes square kernels only",
                    help="fill the kernel up with zeros to a square and enlarge the pads, or use Resize and Conv",
                )
