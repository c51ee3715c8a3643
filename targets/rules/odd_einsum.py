"""An Einsum equation beyond what the target reads."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class OddEinsum(Rule):
    """An Einsum equation uses a form that the runtime does not read.

    TensorRT 8.2 reads lower-case letters only: no ellipsis, no letter twice within one term (a diagonal), and no letter
    that stands for sizes 1 and n at once (broadcasting). Spell the axes out, or use Transpose, MatMul and ReduceSum.
    """

    code = Code("T028", "odd-einsum", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each equation in such a form."""
        for op in target.each_asking(program, "odd-einsum"):
            fault = _fault(op, program)
            if fault is not None:
                yield self.at(
                    op,
                    f"the equation {op.text('equation', '')} has {fault}, which {target.name} does not read",
                    help="spell every axis out in lower-case letters, or use Transpose, MatMul and ReduceSum",
                )


def _fault(op: Op, program: ProgramView) -> str | None:
    """Name the first unreadable form of an equation."""
    equation = op.text("equation", "").replace(" ", "")
    terms = equation.split("->")[0].split(",")
    if "..." in equation:
        return "an ellipsis"
    if equation != equation.lower():
        return "an upper-case letter"
    if any(len(set(term)) < len(term) for term in equation.replace("->", ",").split(",")):
        return "a letter twice in one term"
    sizes: dict[str, set[int | str | None]] = {}
    for term, tensor in zip(terms, op.inputs, strict=False):
        for letter, size in zip(term, program.type(tensor).shape or (), strict=False):
            sizes.setdefault(letter, set()).add(size)
    wide = [letter for letter, found in sizes.items() if 1 in found and len(found) > 1]
    return f"letter {wide[0]} for sizes 1 and more" if wide else None
