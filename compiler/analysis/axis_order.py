"""Which operators compute the same in another order of axes, and the arithmetic of such orders.

A *turned* tensor t' stands for t = transpose(t', perm): axis a of t is axis perm[a] of t'.
"""

from collections.abc import Sequence

from compiler.ir import Op, ProgramView

Perm = tuple[int, ...]

ALONE = frozenset(
    (
        "Abs",
        "Cast",
        "Ceil",
        "Celu",
        "Clip",
        "Elu",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Log",
        "Mish",
        "Neg",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Sigmoid",
        "Sign",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Tanh",
        "ThresholdedRelu",
    )
)
"""Operators that treat each element of their first input by itself."""

TOGETHER = frozenset({"Add", "Div", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum"})
"""Operators that combine the elements of their inputs, spread over each other."""

REDUCTIONS = frozenset({"ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"})

ALONG_ONE = frozenset({"Concat", "LogSoftmax", "Softmax", "Split"})
"""Operators that name one axis in an attribute."""


def inverse(perm: Perm) -> Perm:
    """Undo a transposition."""
    return tuple(perm.index(axis) for axis in range(len(perm)))


def chained(first: Perm, then: Perm) -> Perm:
    """Put two transpositions into one."""
    return tuple(first[axis] for axis in then)


def is_still(perm: Perm) -> bool:
    """Tell whether a transposition leaves every axis in place."""
    return perm == tuple(range(len(perm)))


def keeps_elements(perm: Perm, shape: Sequence[int]) -> bool:
    """Tell whether a transposition of a tensor of this shape moves only axes of one element, and so no element."""
    moved = [axis for axis in perm if shape[axis] != 1]
    return moved == sorted(moved)


def perm_of(program: ProgramView, op: Op | None) -> Perm | None:
    """Read how a Transpose orders the axes of its input; None for another node, or an unknown number of axes."""
    if op is None or op.op_type != "Transpose" or op.domain:
        return None
    shape = program.shape(op.x)
    return None if shape is None else op.integers("perm", tuple(reversed(range(len(shape)))))


def elements_of(program: ProgramView, op: Op) -> list[str]:
    """List the inputs whose elements a node works on, constants left out: those that come in an order of axes."""
    many = op.op_type in TOGETHER or op.op_type == "Concat"
    return [tensor for tensor in (op.inputs if many else op.inputs[:1]) if not program.is_constant(tensor)]


def can_turn(program: ProgramView, op: Op) -> bool:
    """Tell whether a node computes the same in any order of axes once its constants and settings are turned too."""
    read = elements_of(program, op)
    ranks = {len(shape) if (shape := program.shape(tensor)) else 0 for tensor in (*read, *filter(None, op.outputs))}
    if op.domain or op.captures or not read or len(ranks) != 1 or ranks == {0}:
        return False
    if op.op_type in TOGETHER:
        return all(len(program.shape(tensor) or ()) <= max(ranks) for tensor in op.inputs)
    if op.op_type == "Concat":
        return all(len(program.shape(tensor) or ()) == max(ranks) for tensor in op.inputs)
    if any(tensor and not program.is_constant(tensor) for tensor in op.inputs[1:]):
        return False
    if op.op_type in REDUCTIONS:
        return op.integer("keepdims", 1) == 1 and bool(axes_of(program, op, 1))
    if op.op_type == "Pad":
        return not op.has(3)
    if op.op_type == "Resize":
        region = program.const(op.input(1))
        return (region is None or not region.size) and not op.integers("axes")
    return op.op_type == "Slice" or op.op_type in ALONE or op.op_type in ALONG_ONE


def axes_of(program: ProgramView, op: Op, slot: int) -> tuple[int, ...]:
    """Read the axes that a node names in an attribute or in a constant input; none where it names none."""
    value = program.const(op.input(slot))
    return op.integers("axes") if value is None else tuple(int(axis) for axis in value.ravel())
