"""An input of the whole network with an element type that the target does not take."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import one_of
from compiler.target import Target


class UnsupportedNetworkInput(Rule):
    """An input of the whole network has an element type that the runtime does not take from outside.

    Cameras deliver bytes, but many runtimes take no bytes as network inputs. Convert on the host: feed floats and
    start the network with its first layer.
    """

    code = Code("T018", "unsupported-network-input", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each input whose type the table does not list."""
        types = target.table.input_types
        for tensor in program.inputs:
            dtype = program.type(tensor).dtype
            found = str(dtype)
            if types and dtype is not None and target.table.narrows.get(found, found) not in types:
                yield Diagnostic(
                    self.code,
                    f"input {tensor} is {found}, and {target.name} takes {one_of(types)}",
                    help=f"declare it {types[0]} and convert before the network",
                )
