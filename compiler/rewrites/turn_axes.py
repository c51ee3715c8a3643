"""Let one operator compute in another order of axes: turn its constants and what its settings say of axes."""

import numpy as np

from compiler.analysis.axis_order import ALONG_ONE, REDUCTIONS, TOGETHER, Perm, axes_of, inverse
from compiler.ir import Array, Op, Program


def turn_settings(program: Program, op: Op, perm: Perm) -> None:
    """Rewrite the constants and settings of a node that `can_turn` accepts; its tensors come turned already.

    Axis a of what the node used to work on is axis perm[a] now. Linear in the sizes of its constants.
    """
    if op.op_type in TOGETHER or op.op_type == "Concat":
        _turn_constants(program, op, perm)
    if op.op_type in ALONG_ONE:
        default = 0 if op.op_type == "Split" else -1
        program.set_attribute(op, "axis", perm[op.integer("axis", default)])
    elif op.op_type in REDUCTIONS:
        _turn_axes(program, op, 1, perm)
    elif op.op_type == "Slice":
        if not op.has(3):
            starts = program.const(op.input(1))
            assert starts is not None
            program.give_const(op, 3, np.arange(starts.size, dtype=np.int64))
        _turn_axes(program, op, 3, perm)
    elif op.op_type in ("Pad", "Resize"):
        for slot in (1,) if op.op_type == "Pad" else (2, 3):
            value = program.const(op.input(slot))
            if value is not None and value.size:
                program.give_const(op, slot, _in_turn(value, perm))


def _turn_constants(program: Program, op: Op, perm: Perm) -> None:
    """Turn the constants among the elements; one that is spread over missing axes gets those first."""
    for slot, tensor in enumerate(op.inputs):
        value = program.const(tensor)
        if value is not None and (value.size > 1 or op.op_type == "Concat"):
            wide = value.reshape((1,) * (len(perm) - value.ndim) + value.shape)
            program.give_const(op, slot, np.ascontiguousarray(wide.transpose(inverse(perm))))


def _turn_axes(program: Program, op: Op, slot: int, perm: Perm) -> None:
    """Rename the axes that a node lists."""
    axes = [perm[axis] for axis in axes_of(program, op, slot)]
    if op.has(slot):
        program.give_const(op, slot, np.asarray(axes, np.int64))
    else:
        program.set_attribute(op, "axes", axes)


def _in_turn(value: Array, perm: Perm) -> Array:
    """Order what is listed per axis, once or several times over, as pads before and behind are."""
    rows = value.reshape(-1, len(perm))
    return np.ascontiguousarray(rows[:, list(inverse(perm))]).reshape(value.shape)
