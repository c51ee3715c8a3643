"""Which BatchNormalization nodes fold into the convolution that feeds them: asked by the pass and by the cost model."""

from dataclasses import dataclass

from compiler.ir import BatchNorm, Conv, ConvTranspose, ProgramView


@dataclass(frozen=True)
class Foldable:
    """A BatchNormalization and the convolution that can absorb it."""

    norm: BatchNorm
    conv: Conv | ConvTranspose


def foldable(program: ProgramView, norm: BatchNorm) -> Foldable | str:
    """Pair a BatchNormalization with its convolution, or say why it has to stay."""
    conv = program.producer(norm.x, Conv) or program.producer(norm.x, ConvTranspose)
    if norm.is_training:
        return "it normalises by its batch's own statistics"
    if conv is None:
        return "its input does not come from a Conv"
    if not program.is_private(norm.x):
        return f"{norm.x} has another reader"
    if program.consts(conv.w, *norm.params, *conv.bias) is None:
        return "a parameter is not constant"
    return Foldable(norm, conv)
