"""Which coefficients of a target's latency model a layer takes, and which layers its runtime lets vanish."""

from collections.abc import Iterator

from compiler.analysis.integer_layers import real_source
from compiler.ir import Conv, Op, ProgramView
from compiler.target import ClassCost, CostModel

FREE = frozenset({"Concat", "Constant", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators that compute nothing: runtimes give a tensor another name or shape, or write parts in place, unless the
target's model says that they copy."""
FUSED = frozenset(
    {
        "Add", "BatchNormalization", "Cast", "Clip", "DequantizeLinear", "Elu", "HardSigmoid", "HardSwish",
        "LeakyRelu", "Mul", "PRelu", "Relu", "Selu", "Sigmoid", "Softplus", "Tanh",
    }
)  # fmt: skip
"""Arithmetic that runtimes fold into the layer before it, unless the target's model says that they do not."""
_IMAGE = 4
"""Images have at most this many channels."""


def is_copy(program: ProgramView, op: Op, model: CostModel) -> bool:
    """Tell whether the runtime copies the bytes of an operator that computes nothing."""
    how = None if op.domain else model.copies.get(op.op_type)
    if how is None or all(program.is_constant(tensor) for tensor in op.inputs if tensor):
        return False
    return how == "always" or not _lies_in_one_piece(program, op)


def _lies_in_one_piece(program: ProgramView, op: Op) -> bool:
    """Tell whether each part that a node joins is one run of bytes in the whole: its maker can write it there."""
    shape = program.shape(op.y)
    if shape is None or not shape:
        return True
    axis = op.integer("axis", 0) % len(shape)
    return axis == 0 or (axis == 1 and shape[0] == 1)


def rate_class(program: ProgramView, op: Op, kind: str) -> str:
    """Name the finest class that a layer of a kind belongs to; it does not depend on how many channels are pruned."""
    if kind != "conv" or not Conv.fits(op.op_type, op.domain):
        return kind
    shape = program.shape(op.input(1))
    if shape is None:
        return kind
    if real_source(program, op.x) in program.inputs and shape[1] <= _IMAGE:
        return "stem"
    window = shape[2:]
    if set(window) == {1}:
        return "pointwise"
    is_plain = set(_ones(op, "strides")) | set(_ones(op, "dilations")) == {1}
    return "conv3x3" if window == (3, 3) and is_plain else kind


def _ones(op: Op, attribute: str) -> Iterator[int]:
    yield from op.integers(attribute) or (1,)


def rates_of(model: CostModel, finest: str, kind: str) -> tuple[str, ClassCost]:
    """Look up a layer's coefficients: of its finest class, of its kind, or of all that is left."""
    name = next(name for name in (finest, kind, "other") if name in model.classes)
    return name, model.classes[name]
