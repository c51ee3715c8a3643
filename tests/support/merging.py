"""Puts several networks side by side into one, so that one program runs them all."""

from collections.abc import Mapping

from compiler.ir import Array, Program


def side_by_side(programs: Mapping[str, Program]) -> Program:
    """Copy networks of one opset into one; every name gets the name of its network in front."""
    whole = Program("side_by_side", {"": 13})
    for title, program in programs.items():
        names = {"": ""}
        for tensor in program.inputs:
            names[tensor] = f"{title}/{tensor}"
            whole.add_input(names[tensor], program.type(tensor))
        for tensor in program.constants:
            value = program.const(tensor)
            assert value is not None
            names[tensor] = whole.add_constant(f"{title}/{tensor}", value)
        for op in program.each():
            names |= {tensor: f"{title}/{tensor}" for tensor in op.outputs if tensor}
            outputs = [names[tensor] for tensor in op.outputs]
            inputs = [names[tensor] for tensor in op.inputs]
            whole.add(op.op_type, inputs, outputs, op.attributes, name=f"{title}/{op.name}", domain=op.domain)
            for tensor in op.outputs:
                whole.set_type(names[tensor], program.type(tensor))
        for tensor in program.outputs:
            whole.add_output(names[tensor])
    whole.clear_journal()
    return whole


def prefixed(title: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Name arrays as `side_by_side` does."""
    return {f"{title}/{name}": value for name, value in arrays.items()}
