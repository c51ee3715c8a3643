"""Codes of what lowering a program to torch, and bringing its values back, can find."""

from compiler.diagnostic import Code, Severity

NOT_LOWERED = Code(
    "L001",
    "not-lowered",
    Severity.ERROR,
    "The network holds an operator that cannot be trained through: the message names the layer and the reason. It may "
    "compute on text, sequences or integers, choose its output's size by its data, draw random numbers, or be "
    "no operator of convolutional networks. Leave the layer out of the network that is trained, most often by cutting "
    "the graph before it on export, or leave out the retraining.",
)
NOT_CONSTANT = Code(
    "L002",
    "steered-at-run-time",
    Severity.ERROR,
    "An operator takes its shape, axes, pads or scales from a tensor that is computed at run time. Training needs "
    "them fixed. Pin the input shapes in the recipe (`model: {inputs: ...}`), or simplify the network on export.",
)
UNKNOWN_SHAPE = Code(
    "L003",
    "shape-not-known",
    Severity.ERROR,
    "Shape inference cannot tell a shape that the operator's lowering needs. Pin the input shapes in the recipe "
    "(`model: {inputs: ...}`).",
)
NO_SUCH_TENSOR = Code(
    "L004",
    "no-such-tensor",
    Severity.ERROR,
    "A tensor was asked for as an extra output, for example to distil from it, and the network has none of that name "
    "that it computes.",
)
OTHER_STRUCTURE = Code(
    "L005",
    "other-structure",
    Severity.ERROR,
    "Trained values do not fit the program that they are to go back into: a layer is gone, or a weight has another "
    "shape. Values go back only into the program that was lowered, or a copy of it with the same layers.",
)
DIVERGED = Code(
    "L006",
    "training-diverged",
    Severity.ERROR,
    "A trained weight holds infinity or NaN. The training diverged: lower the learning rate. Nothing is written back.",
)
