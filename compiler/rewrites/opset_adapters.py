"""How operators that changed how they say something are written in an older version, exactly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.ir import Op, Program


@dataclass(frozen=True)
class Adapter:
    """A change of form: the version that brought it, what stands in the way of undoing it, and the undoing."""

    since: int
    obstacle: Callable[[Program, Op], str | None]
    apply: Callable[[Program, Op], None]
    attributes: tuple[str, ...] = ()
    """The attributes that the undoing removes."""


UNCHANGED = frozenset(
    {
        "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat",
        "Constant", "ConstantOfShape", "Conv", "ConvTranspose", "DepthToSpace", "Div", "Dropout", "Elu", "Equal", "Erf",
        "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherElements", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
        "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "LRN",
        "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "LpNormalization", "MatMul", "Max", "MaxPool", "Mean",
        "Min", "Mul", "Neg", "Not", "Or", "PRelu", "Pad", "Pow", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum",
        "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu",
        "Reshape", "Resize", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Size", "Slice", "Softmax", "Softplus",
        "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "TopK",
        "Transpose", "Unsqueeze", "Where",
    }
)  # fmt: skip
"""Operators that have meant the same since opset 13, but for added element types and attributes and the adapters."""


def _axes_obstacle(program: Program, op: Op) -> str | None:
    """Insist on constant axes."""
    axes = program.const(op.input(1))
    if op.has(1) and axes is None:
        return "its axes are computed at run time"
    if (axes is None or not axes.size) and op.integer("noop_with_empty_axes", 0):
        return "it does nothing where older versions reduce all axes"
    return None


def _axes_to_attribute(program: Program, op: Op) -> None:
    """Move a reduction's axes from its second input to the attribute."""
    axes = program.const(op.input(1))
    program.set_attribute(op, "noop_with_empty_axes", None)
    if op.has(1):
        program.set_input(op, 1, "")
    if axes is not None and axes.size:
        program.set_attribute(op, "axes", [int(axis) for axis in axes.ravel()])


def _split_obstacle(program: Program, op: Op) -> str | None:
    known = "num_outputs" not in op.attributes or all(program.shape(name) is not None for name in op.outputs)
    return None if known else "the sizes of its parts are not known"


def _split_sizes(program: Program, op: Op) -> None:
    """State the sizes of the parts instead of their number."""
    if "num_outputs" not in op.attributes:
        return
    axis = op.integer("axis", 0)
    sizes = [shape[axis] for name in op.outputs if (shape := program.shape(name)) is not None]
    program.set_attribute(op, "num_outputs", None)
    program.give_const(op, 1, np.asarray(sizes, dtype=np.int64))


def _pad_obstacle(program: Program, op: Op) -> str | None:
    if op.has(3) and (program.consts(op.input(1), op.input(3)) is None or program.shape(op.x) is None):
        return "its pads are computed at run time"
    return None


def _pad_all_axes(program: Program, op: Op) -> None:
    """State pads for every axis instead of for some."""
    if not op.has(3):
        return
    values, shape = program.consts(op.input(1), op.input(3)), program.shape(op.x)
    assert values is not None and shape is not None
    full = np.zeros((2, len(shape)), dtype=np.int64)
    full[:, [int(axis) % len(shape) for axis in values[1].ravel()]] = values[0].reshape(2, -1)
    program.set_input(op, 3, "")
    program.give_const(op, 1, full.ravel())


def _hard_swish(program: Program, op: Op) -> None:
    """Write x max(0, min(1, x / 6 + 1 / 2)) as HardSigmoid and Mul."""
    gate = program.fresh(f"{op.name}_gate")
    program.add("HardSigmoid", [op.x], [gate], {"alpha": 1 / 6, "beta": 0.5}, name=f"{op.name}_gate")
    program.set_type(gate, program.type(op.y))
    program.retype(op, "Mul", [op.x, gate])


def _dilations_obstacle(_: Program, op: Op) -> str | None:
    is_dense = all(step == 1 for step in op.integers("dilations"))
    return None if is_dense else "its dilations are more than 1, which only newer versions know"


def _zero_obstacle(program: Program, op: Op) -> str | None:
    """Insist on a target without a 0, which meant "copy" before there was a choice."""
    target = program.const(op.input(1))
    if not op.integer("allowzero", 0) or (target is not None and target.all()):
        return None
    return "its allowzero is 1 and its target may hold a 0, which only newer versions can say"


def _never(key: str, value: str) -> Callable[[Program, Op], str | None]:
    """Make a check that refuses one value of an attribute."""

    def obstacle(_: Program, op: Op) -> str | None:
        return f"its {key} is {value}, which only newer versions know" if op.text(key, "") == value else None

    return obstacle


def _no_obstacle(_: Program, __: Op) -> None:
    """Let every node pass."""


def _leave(_: Program, __: Op) -> None:
    """Keep the node: what passes the check is written as before, but for attributes that go."""


_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSumSquare",
)  # fmt: skip

ADAPTERS: Mapping[str, tuple[Adapter, ...]] = {
    **dict.fromkeys(_REDUCTIONS, (Adapter(18, _axes_obstacle, _axes_to_attribute, ("noop_with_empty_axes",)),)),
    "AveragePool": (Adapter(19, _dilations_obstacle, _leave, ("dilations",)),),
    "HardSwish": (Adapter(14, _no_obstacle, _hard_swish),),
    "Pad": (Adapter(18, _pad_obstacle, _pad_all_axes), Adapter(19, _never("mode", "wrap"), _leave)),
    "Reshape": (Adapter(14, _zero_obstacle, _leave, ("allowzero",)),),
    "Resize": (Adapter(19, _never("coordinate_transformation_mode", "half_pixel_symmetric"), _leave),),
    "Split": (Adapter(18, _split_obstacle, _split_sizes, ("num_outputs",)),),
}
