"""What a rewrite of one layer would cost on a target, and whether the target has the operators for it."""

from collections.abc import Callable

import numpy as np

from compiler.analysis.cost import layer_costs
from compiler.ir import Array, Op, Program, ProgramView
from compiler.operator_table import AttributeLimit, RankLimit, SymmetryLimit, attribute_values, one_of
from compiler.target import Target, operator_name


def alone(program: ProgramView, op: Op) -> Program:
    """Copy one layer into a program of its own, with weights of 0 that take no memory, to try a rewrite on."""
    return _copied(program, op, lambda value: np.broadcast_to(np.zeros((), value.dtype), value.shape))


def lifted(program: ProgramView, op: Op) -> Program:
    """Copy one layer into a program of its own, with its weights."""
    return _copied(program, op, lambda value: value)


def _copied(program: ProgramView, op: Op, shown: Callable[[Array], Array]) -> Program:
    """Copy one layer, its weights as they are to be shown; single numbers, such as bounds, stay."""
    trial = Program(op.name, program.opsets)
    for key, value in program.metadata.items():
        trial.set_metadata(key, value)
    inputs: list[str] = []
    for tensor in op.inputs:
        value = program.const(tensor)
        inputs.append(tensor)
        if value is not None:
            inputs[-1] = trial.add_constant(tensor, shown(value) if value.size > 1 else value)
        elif tensor and tensor not in trial.inputs:
            trial.add_input(tensor, program.type(tensor))
    trial.add(op.op_type, inputs, op.outputs, op.attributes, name=op.name, domain=op.domain)
    for tensor in op.outputs:
        trial.set_type(tensor, program.type(tensor))
        trial.add_output(tensor)
    return trial


def predicted_ms(program: ProgramView, target: Target) -> float:
    """Predict a program's time, its copies included."""
    return sum(layer.predicted_ms for layer in layer_costs(program, target.cost))


def obstacle(program: ProgramView, target: Target) -> str | None:
    """Say what the target's table has against a program's operators, or None.

    The table's own statements only; the target's rules see the whole network afterwards.
    """
    for op in program.each():
        row = target.row(op)
        if row is None or not row.supported:
            return f"{target.name} has no {operator_name(op)}"
        found = str(program.type(op.x).dtype)
        if row.types and target.table.narrows.get(found, found) not in row.types:
            return f"{operator_name(op)} takes {one_of(row.types)} on {target.name}, not {found}"
    for op, limit in target.each_limit(program, RankLimit):
        shape = program.type(op.input(limit.input)).shape if op.has(limit.input) else None
        if shape is not None and len(shape) not in limit.rank:
            return f"{operator_name(op)} takes {one_of(limit.rank)} axes on {target.name}, not {len(shape)}"
    for op, limit in target.each_limit(program, SymmetryLimit):
        pads = op.integers(limit.symmetric)
        if pads[: len(pads) // 2] != pads[len(pads) // 2 :]:
            return f"{operator_name(op)} takes even {limit.symmetric} only on {target.name}"
    for op, limit in target.each_limit(program, AttributeLimit):
        found = attribute_values(op, limit.attribute) or ()
        if limit.allowed is not None and any(value not in limit.allowed for value in found):
            return f"{operator_name(op)} takes {limit.attribute} {one_of(limit.allowed)} on {target.name}"
    return None
