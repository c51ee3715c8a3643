"""An element type that the target's runtime does not take at an operator."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.operator_table import Operator, one_of
from compiler.target import Target


class UnsupportedType(Rule):
    """A tensor has an element type that the runtime's version of the operator does not take.

    Runtimes have kernels for few types: floats nearly everywhere, whole numbers and truth values where indices and
    masks need them. Types that the runtime narrows by itself (INT64 to INT32, say) count as what they become. Put a
    Cast before the node, or fold shape arithmetic into constants.
    """

    code = Code("T003", "unsupported-type", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each input or output whose type the row does not list."""
        for op, row in target.each_row(program):
            if not row.types:
                continue
            for role, tensor in dict.fromkeys(_typed(op, row)):
                dtype = program.type(tensor).dtype
                found = str(dtype)
                if dtype is not None and target.table.narrows.get(found, found) not in row.types:
                    yield self.at(
                        op,
                        f"{role} {tensor} is {found}, and {target.name} takes {one_of(row.types)} here",
                        help=f"cast it to {row.types[0]}, or fold it into a constant",
                    )


def _typed(op: Op, row: Operator) -> Iterator[tuple[str, str]]:
    """Yield the tensors that the row's types are about."""
    for slot in row.typed_inputs:
        if op.has(slot):
            yield "input", op.input(slot)
    for slot in row.typed_outputs:
        yield "output", op.outputs[slot]
