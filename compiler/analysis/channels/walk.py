"""Push channel identities through a whole program, one operator after the other."""

from collections.abc import Callable

from compiler.analysis.channels import arithmetic, movement, reordering, rest, weighted
from compiler.analysis.channels.identities import State
from compiler.ir import Op, ProgramView

_Rule = Callable[[State, Op], None]

_POOLS = ("AveragePool", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "LpPool", "MaxPool")

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(rest.UNARY, movement.activation),
    **dict.fromkeys(_POOLS, movement.pool),
    **dict.fromkeys(rest.COMBINING, arithmetic.elementwise),
    **dict.fromkeys(rest.REDUCING, arithmetic.along_axes),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax", "LpNormalization"), arithmetic.over_one_axis),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), weighted.batch_norm),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reordering.reshape),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), weighted.recurrent),
    "Conv": weighted.conv,
    "ConvTranspose": weighted.conv_transpose,
    "Gemm": weighted.gemm,
    "MatMul": weighted.matmul,
    "Concat": movement.concat,
    "Split": movement.split,
    "Slice": movement.slice_,
    "Transpose": movement.transpose,
    "Pad": reordering.pad,
    "Resize": movement.resize,
    "DepthToSpace": reordering.depth_to_space,
    "SpaceToDepth": reordering.space_to_depth,
    "Expand": reordering.expand,
    "Gather": reordering.gather,
    "Tile": reordering.tile,
}

_REFUSALS = {
    "GroupNormalization": "it normalises over groups of channels",
    "LRN": "it normalises over neighbouring channels",
    "LayerNormalization": "it normalises over the channels",
    "MeanVarianceNormalization": "it normalises over axes that may hold the channels",
    "Shape": "the number of channels is read at run time",
    "Size": "the number of elements is read at run time",
}
"""Operators that are known and hold channels fast."""


def walk(program: ProgramView) -> State:
    """Give every producer's channels numbers and follow them to every reader; linear in nodes and channels.

    An operator without a rule keeps its inputs' channels, and so do subgraph captures and graph outputs.
    """
    state = State(program)
    for op in program.each():
        rule = None if op.domain or op.captures else _RULES.get(op.op_type)
        if rule is None:
            state.pin_inputs(op, _REFUSALS.get(op.op_type, f"the channel analysis does not know {op.op_type}"))
        else:
            rule(state, op)
        for output in op.outputs:
            if program.is_output(output) and (layout := state.layout(output)) is not None:
                state.pin(op, layout.ids, f"its channels reach the network's output {output}")
    return state
