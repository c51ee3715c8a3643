"""Write operators that the target lacks with simpler ones."""

from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.ir import Program, ProgramView
from compiler.rewrites.lowerings import LOWERINGS

_OPSET = 13
"""The version of ONNX's operator set that the rewrites are written in."""


class Operators(Decision):
    """The operators to rewrite, where their form asks for it."""

    operators: tuple[str, ...]


class LowerOperators(Pass):
    """Write operators that the target lacks with simpler ones.

    Elu becomes Exp, Relu and arithmetic; a convolution in groups becomes one per group; DepthToSpace and a Transpose
    of five axes become Transposes of four; a transposed convolution with uneven pads becomes an even one and a Slice.
    The outputs stay the same to float rounding. Which operators are meant stands in the target's table; a node that
    cannot be rewritten stays, and the target's own check says what is wrong with it. It runs after all other passes,
    so that those see the network as it was designed.
    """

    effect = Effect.EXACT

    def decide(self, program: ProgramView, context: Context) -> Operators:
        """Look up which of the network's operators the target wants rewritten."""
        rows = context.target.ops
        wanted = {name for name, row in rows.items() if row.lowered and name in LOWERINGS}
        return Operators(operators=tuple(sorted(wanted.intersection(op.op_type for op in program.each()))))

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Rewrite operator by operator; what one of them leaves, a later one may take on."""
        assert isinstance(decision, Operators)
        if decision.operators and program.opset != _OPSET:
            log.skip("the network", f"it is in opset {program.opset}, and the rewrites are written in opset {_OPSET}")
            return
        for op_type, lower in LOWERINGS.items():
            if op_type not in decision.operators:
                continue
            for op in program.each():
                if op.domain or op.op_type != op_type:
                    continue
                if (why := lower(program, op)) is not None:
                    log.skip(op, why)
