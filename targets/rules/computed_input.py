"""An input that must be a constant but is computed."""

from collections.abc import Iterator

from compiler.contracts import Rule
from compiler.diagnostic import Code, Diagnostic, Severity
from compiler.ir import ProgramView
from compiler.operator_table import ConstantInput
from compiler.target import Target


class ComputedInput(Rule):
    """An input that the runtime needs when it builds the network is computed while it runs.

    Weights, scales and axes are baked into the engine, so their values must be in the file. Fold the nodes that
    compute the tensor into a constant; a fixed input shape often is all it takes.
    """

    code = Code("T004", "computed-input", Severity.ERROR)

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield each listed input that is neither constant nor a constant passed through allowed operators."""
        for op, limit in target.each_limit(program, ConstantInput):
            for slot, name in limit.constant.items():
                tensor = op.input(slot)
                maker = program.producer(tensor)
                source = tensor
                while maker is not None and maker.op_type in limit.through:
                    source, maker = maker.x, program.producer(maker.x)
                if not tensor or program.is_constant(source):
                    continue
                maker = program.producer(tensor)
                origin = f"computed by {maker}" if maker is not None else "an input of the network"
                fault = f"{name} {tensor} is {origin}, and {target.name} needs a constant"
                yield self.at(op, limit.explain(fault), help=limit.help)
