"""How operators whose form changed after opset 13 are written in opset 13, exactly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.ir import Op, Program


@dataclass(frozen=True)
class Adapter:
    """What stands in the way of rewriting a node, and the rewriting."""

    obstacle: Callable[[Program, Op], str | None]
    apply: Callable[[Program, Op], None]


UNCHANGED = frozenset(
    {
        "Abs", "Add", "And", "ArgMax", "ArgMin", "Cast", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape",
        "Conv", "ConvTranspose", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
        "GatherElements", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid",
        "Hardmax", "Identity", "InstanceNormalization", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax",
        "LpNormalization", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mul", "Neg", "Not", "Or", "PRelu", "Pow",
        "Reciprocal", "Relu", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Size", "Slice", "Softmax", "Softplus",
        "Softsign", "SpaceToDepth", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "TopK",
        "Transpose", "Unsqueeze", "Where",
    }
)  # fmt: skip
"""Operators whose later versions only take more element types, or attributes that networks leave at their default."""


def _default_only(**defaults: object) -> Callable[[Program, Op], str | None]:
    """Make a check that attributes are at the value that the older version has built in."""

    def obstacle(_: Program, op: Op) -> str | None:
        for key, value in defaults.items():
            found = op.attributes.get(key, value)
            if isinstance(found, bytes):
                found = found.decode()
            if found != value:
                return f"its {key} is {found}, which only newer versions know"
        return None

    return obstacle


def _drop(*keys: str) -> Callable[[Program, Op], None]:
    """Make a rewriting that removes attributes that are at their default."""

    def apply(program: Program, op: Op) -> None:
        for key in keys:
            program.set_attribute(op, key, None)

    return apply


def _axes_obstacle(program: Program, op: Op) -> str | None:
    """Insist on constant axes."""
    if op.has(1) and program.const(op.input(1)) is None:
        return "its axes are computed at run time"
    if not op.has(1) and op.integer("noop_with_empty_axes", 0):
        return "it does nothing where older versions reduce all axes"
    return None


def _axes_to_attribute(program: Program, op: Op) -> None:
    """Move a reduction's axes from its second input to the attribute."""
    axes = program.const(op.input(1)) if op.has(1) else None
    program.set_attribute(op, "noop_with_empty_axes", None)
    if op.has(1):
        program.set_input(op, 1, "")
    if axes is not None and axes.size:
        program.set_attribute(op, "axes", [int(axis) for axis in axes.ravel()])


def _split_obstacle(program: Program, op: Op) -> str | None:
    known = all(program.shape(name) is not None for name in op.outputs)
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
    if op.text("mode", "constant") == "wrap":
        return "its mode is wrap, which only newer versions know"
    if op.has(3) and (program.consts(op.input(1), op.input(3)) is None or program.shape(op.x) is None):
        return "its axes are computed at run time"
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


def _nothing(_: Program, __: Op) -> str | None:
    return None


_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSumSquare",
)  # fmt: skip

ADAPTERS: Mapping[str, Adapter] = {
    **dict.fromkeys(_REDUCTIONS, Adapter(_axes_obstacle, _axes_to_attribute)),
    "AveragePool": Adapter(_default_only(dilations=None), _drop()),
    "BatchNormalization": Adapter(_default_only(training_mode=0), _drop("training_mode")),
    "DepthToSpace": Adapter(_nothing, _drop()),
    "HardSwish": Adapter(_nothing, _hard_swish),
    "Pad": Adapter(_pad_obstacle, _pad_all_axes),
    "ReduceSum": Adapter(_axes_obstacle, _drop()),
    "Reshape": Adapter(_default_only(allowzero=0), _drop("allowzero")),
    "Resize": Adapter(
        _default_only(antialias=0, axes=None, keep_aspect_ratio_policy="stretch"),
        _drop("antialias", "keep_aspect_ratio_policy"),
    ),
    "Split": Adapter(_split_obstacle, _split_sizes),
}
