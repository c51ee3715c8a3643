"""Remove nodes that pass their input on unchanged."""

import numpy as np

from compiler.contracts import Decision, Effect, Log, Pass
from compiler.ir import Op, Program

_CANDIDATES = (
    "Identity",
    "Dropout",
    "Cast",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Concat",
    "Pad",
)


class RemoveIdentity(Pass):
    """Remove nodes that pass their input on unchanged.

    These are Identity; Dropout, which does nothing outside training; a Cast to the type that the tensor has; a
    Concat of one tensor; a Pad by nothing; a Transpose that leaves every axis in place; and a Reshape, Flatten,
    Squeeze or Unsqueeze to the shape that the tensor has. A node between an input and an output of the network
    stays, since both names belong to the user.
    """

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Bypass each such node."""
        for op in program.each():
            if op.domain or op.op_type not in _CANDIDATES or not _is_identity(program, op):
                continue
            if any(program.readers(extra) or program.is_output(extra) for extra in op.outputs[1:]):
                log.skip(op, "another of its outputs is read")
            elif program.is_constant(op.x) and program.is_output(op.y):
                log.skip(op, "it turns a constant into an output of the network")
            elif not program.bypass(op):
                log.skip(op, "it stands between names that must both stay")


def _is_identity(program: Program, op: Op) -> bool:
    """Tell whether a candidate does nothing; what is not known for certain does something."""
    before, after = program.type(op.x), program.type(op.y)
    if op.op_type == "Identity":
        return True
    if op.op_type == "Dropout":
        mode = program.const(op.input(2))
        return not op.has(2) or (mode is not None and not bool(np.asarray(mode).item()))
    if op.op_type == "Cast":
        return before.dtype is not None and before.dtype == after.dtype
    if op.op_type == "Concat":
        return len(op.inputs) == 1
    if op.op_type == "Pad":
        pads = program.const(op.input(1))
        return pads is not None and not pads.any()
    if before.static_shape is None or before.static_shape != after.static_shape:
        return False
    if op.op_type == "Transpose":
        return op.integers("perm") == tuple(range(len(before.static_shape)))
    return True
