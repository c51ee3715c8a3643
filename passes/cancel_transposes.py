"""Take out Transposes that undo each other."""

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Program
from compiler.rewrites.cancel_transposes import cancel_transposes


class CancelTransposes(Pass):
    """Take out Transposes that undo each other, right behind one another or with arithmetic between them.

    Networks of TensorFlow keep the channels last, and their exporters wrap convolutions, which take channels first,
    between two Transposes. Where all that stands between a set of Transposes computes the same in another order of
    axes (activations, sums and products, concatenations, slices, pads, means over an area), it is done in that order
    if that leaves fewer elements to be moved and no more Transposes. Two in a row become one; one that moves no element
    goes before a Reshape.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Merge and turn until nothing is gained."""
        cancel_transposes(program)
