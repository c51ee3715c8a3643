"""Lower a program to a torch.fx module: the same outputs and gradients, values reachable by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import fx

from compiler.diagnostic import CompressError, Diagnostic, did_you_mean
from compiler.ir import ProgramView
from compiler.lowering.call import RefusedError
from compiler.lowering.codes import NO_SUCH_TENSOR, NOT_CONSTANT, NOT_LOWERED, UNKNOWN_SHAPE
from compiler.lowering.construction import Construction
from compiler.lowering.layers import DropoutUse, Norms
from compiler.lowering.weights import Weight

_HELP = {
    NOT_LOWERED: "leave the layer out of what is trained, by cutting the graph before it, or leave out the retraining",
    NOT_CONSTANT: "pin the input shapes in the recipe, `model: {inputs: ...}`, or simplify the network on export",
    UNKNOWN_SHAPE: "pin the input shapes in the recipe, `model: {inputs: ...}`",
}


@dataclass(frozen=True)
class Lowered:
    """What a lowered module knows about the program that it came from; it lies in `module.meta["lowered"]`."""

    inputs: tuple[str, ...]
    """ONNX names of the inputs, in the order of the call."""
    outputs: tuple[str, ...]
    """Keys of the returned dictionary: the program's outputs, then the extra tensors."""
    weights: tuple[Weight, ...]


def lower(
    program: ProgramView, *, extra: Sequence[str] = (), norms: Norms = "train", dropout: DropoutUse = "off"
) -> fx.GraphModule:
    """Make a module that is called with the program's inputs in order and returns its outputs by ONNX name.

    `extra` names inner tensors to return as well. Every batch size fits as long as the network treats the images of
    a batch one by one. Raises CompressError that lists every layer that has no lowering. Linear in the graph.
    """
    construction = Construction(program, norms, dropout)
    findings = _unknown(program, extra)
    for op in program.each():
        try:
            construction.add(op)
        except RefusedError as refusal:
            construction.spoil(op)
            layer = f"{op.name} ({op.op_type})"
            findings.append(Diagnostic(refusal.code, refusal.reason, _HELP[refusal.code], layer=layer))
    if findings:
        raise CompressError(*findings)
    outputs = tuple(dict.fromkeys((*program.outputs, *extra)))
    module = construction.finish(outputs)
    module.meta["lowered"] = Lowered(program.inputs, outputs, construction.weights)
    return module


def _unknown(program: ProgramView, extra: Sequence[str]) -> list[Diagnostic]:
    """Find the extra outputs that the network does not compute."""
    if not extra:
        return []
    made = {tensor for op in program.each() for tensor in op.outputs if tensor}
    return [
        Diagnostic(NO_SUCH_TENSOR, f"the network computes no tensor {name}", did_you_mean(name, made))
        for name in extra
        if name not in made
    ]
