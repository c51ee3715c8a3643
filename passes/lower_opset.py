"""Write a network in the older version of ONNX's operator set that the target reads."""

import onnx

from compiler.codes.passes import OPSET_NOT_LOWERED
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import Diagnostic
from compiler.ir import Op, Program, ProgramView
from compiler.rewrites.opset_adapters import ADAPTERS, UNCHANGED, Adapter
from compiler.rewrites.opset_schemas import added_attributes, is_same_form, refused_type


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
        stuck = [(op, why) for op in program.each() if (why := _obstacle(program, op, decision.opset)) is not None]
        for op, why in stuck:
            log.skip(op, why)
        if stuck:
            op, why = stuck[0]
            said = f"the network stays in opset {program.opset}, since {why}"
            advice = f"export the model with opset {decision.opset}, or replace the layer"
            log.find(Diagnostic(OPSET_NOT_LOWERED, said, advice, layer=str(op)))
            return
        for op in program.each():
            _lower(program, op, decision.opset)
        program.set_opset(decision.opset)


def _obstacle(program: Program, op: Op, opset: int) -> str | None:
    """Say why a node cannot be written in the older version, or None."""
    if any(isinstance(value, onnx.GraphProto) for value in op.attributes.values()):
        return f"its body would have to be written in opset {opset} too"
    if op.domain or is_same_form(op, program.opset, opset):
        return None
    for adapter in _adapters(op, opset):
        if (why := adapter.obstacle(program, op)) is not None:
            return why
    if not onnx.defs.has(op.op_type, max_inclusive_version=opset):
        return None if _adapters(op, opset) else f"{op.op_type} does not exist in opset {opset}"
    if op.op_type not in UNCHANGED:
        return f"{op.op_type} is not known to mean the same in opset {opset}"
    if (kind := refused_type(program, op, opset)) is not None:
        return f"it works on {kind}, which {op.op_type} takes only in newer versions"
    handled = {key for adapter in _adapters(op, opset) for key in adapter.attributes}
    for key, is_default in added_attributes(op, program.opset, opset):
        if not is_default and key not in handled:
            return f"its {key} is {op.attributes[key]}, which only newer versions know"
    return None


def _lower(program: Program, op: Op, opset: int) -> None:
    """Write one node, which no obstacle holds back, in the older version."""
    if op.domain or is_same_form(op, program.opset, opset):
        return
    for adapter in _adapters(op, opset):
        adapter.apply(program, op)
    if not onnx.defs.has(op.op_type, max_inclusive_version=opset):
        return
    for key, _ in list(added_attributes(op, program.opset, opset)):
        program.set_attribute(op, key, None)


def _adapters(op: Op, opset: int) -> list[Adapter]:
    """List the changes of form that lie between the older version and this one."""
    return [adapter for adapter in ADAPTERS.get(op.op_type, ()) if opset < adapter.since]
