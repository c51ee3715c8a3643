"""An If whose branches do not match."""

from collections.abc import Iterator

from onnx import GraphProto, ValueInfoProto

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import Op, ProgramView
from compiler.target import Target


class UnequalBranches(Rule):
    """The branches of an If do not match as the runtime needs it.

    Both must put out the same number of tensors, of shapes that can stand for each other, under different names. Rename
    the outputs of one branch, and bring both to the same shapes. A condition that is constant avoids the If altogether.
    """

    code = Code("T034", "unequal-branches", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each If whose branches differ so."""
        for op in target.each_asking(program, "unequal-branches"):
            fault = _fault(op)
            if fault is not None and not program.is_constant(op.x):
                yield self.at(
                    op,
                    f"its branches {fault}, and {target.name} refuses that",
                    help="give both branches outputs of the same shapes under different names",
                )


def _fault(op: Op) -> str | None:
    """Say how the branches differ, or None."""
    then, other = op.attributes.get("then_branch"), op.attributes.get("else_branch")
    if not isinstance(then, GraphProto) or not isinstance(other, GraphProto):
        return None
    if len(then.output) != len(other.output):
        return f"put out {len(then.output)} and {len(other.output)} tensors"
    shared = sorted({tensor.name for tensor in then.output} & {tensor.name for tensor in other.output})
    if shared:
        return f"both name an output {shared[0]}"
    for one, two in zip(map(_shape, then.output), map(_shape, other.output), strict=True):
        if one is not None and two is not None and not _is_broadcastable(one, two):
            return f"put out shapes {list(one)} and {list(two)}"
    return None


def _shape(tensor: ValueInfoProto) -> tuple[int, ...] | None:
    """Read a static shape; None when a dimension is open."""
    kind = tensor.type.tensor_type
    dims = [dim.dim_value for dim in kind.shape.dim]
    return tuple(dims) if kind.HasField("shape") and all(dims) else None


def _is_broadcastable(one: tuple[int, ...], two: tuple[int, ...]) -> bool:
    """Tell whether two shapes can stand for each other."""
    return len(one) == len(two) and all(a == b or 1 in (a, b) for a, b in zip(one, two, strict=True))
