"""Remove nodes whose results nobody reads."""

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Program


class RemoveDeadCode(Pass):
    """Remove nodes whose results nobody reads, and constants that no node reads.

    One sweep against the flow: a node goes when none of its outputs is read or leaves the network.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Sweep from the outputs to the inputs."""
        for op in reversed(list(program.each())):
            if not any(program.readers(tensor) or program.is_output(tensor) for tensor in op.outputs):
                program.remove(op)
        program.drop_unused()
