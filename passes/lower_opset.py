"""Write a network in the older version of ONNX's operator set that the target reads."""

import onnx

from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.ir import Program, ProgramView
from compiler.rewrites.opset_adapters import ADAPTERS, UNCHANGED


class Opset(Decision):
    """The version to write."""

    opset: int


class LowerOpset(Pass):
    """Write a network in the older version of ONNX's operator set that the target reads.

    Most operators of a convolutional network mean the same in every version since 13; those stay. A few changed how
    they say it (Split, Pad, Resize, the reductions, HardSwish): these are rewritten exactly. If a single node has
    no exact counterpart in the older version, the whole network stays as it is and the target's own check says
    which node is in the way.
    """

    effect = Effect.EXACT

    def decide(self, program: ProgramView, context: Context) -> Opset:
        """Read the newest version that the target takes."""
        return Opset(opset=min(program.opset, context.target.opset))

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Adapt every node, or none."""
        assert isinstance(decision, Opset)
        if decision.opset >= program.opset:
            return
        stuck = [(op, why) for op in program.each() if (why := _obstacle(program, op.name, decision.opset)) is not None]
        for op, why in stuck:
            log.skip(op, why)
        if stuck:
            return
        for op in program.each():
            if op.op_type in ADAPTERS and not op.domain:
                ADAPTERS[op.op_type].apply(program, op)
        program.set_opset(decision.opset)


def _obstacle(program: Program, name: str, opset: int) -> str | None:
    """Say why a node cannot be written in the older version, or None."""
    op = program.op(name)
    if op.domain:
        return None
    if op.captures or any(isinstance(value, onnx.GraphProto) for value in op.attributes.values()):
        return f"its body would have to be written in opset {opset} too"
    if op.op_type in ADAPTERS:
        return ADAPTERS[op.op_type].obstacle(program, op)
    if not onnx.defs.has(op.op_type, max_inclusive_version=opset):
        return f"{op.op_type} does not exist in opset {opset}"
    here = onnx.defs.get_schema(op.op_type, program.opset).since_version
    there = onnx.defs.get_schema(op.op_type, opset).since_version
    if here == there or op.op_type in UNCHANGED:
        return None
    return f"{op.op_type} of opset {here} is not known to mean the same in opset {opset}"
