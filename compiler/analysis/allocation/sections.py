"""Runs of a network's nodes as networks of their own, so that what lies before a change need not be computed again."""

from collections.abc import Mapping, Sequence

from compiler.ir import Array, Op, Program, ProgramView


def section(
    program: ProgramView, ops: Sequence[Op], outputs: Sequence[str], changed: Mapping[tuple[str, int], Array]
) -> Program:
    """Make a program of some nodes in order; what they read from elsewhere is its input.

    `changed` gives input slots of layers constants of their own. Linear in the nodes; the other constants are shared.
    """
    part = Program(program.name, program.opsets)
    made = {tensor for op in ops for tensor in op.outputs}
    reads = dict.fromkeys(tensor for op in ops for tensor in (*op.inputs, *op.captures) if tensor)
    for tensor in reads:
        value = program.const(tensor)
        if value is not None and not part.is_constant(tensor):
            part.add_constant(tensor, value)
        elif tensor not in made and tensor not in part.inputs and value is None:
            part.add_input(tensor, program.type(tensor))
    for op in ops:
        part.add(op.op_type, op.inputs, op.outputs, op.attributes, name=op.name, domain=op.domain, captures=op.captures)
        for tensor in op.outputs:
            part.set_type(tensor, program.type(tensor))
    for tensor in outputs:
        part.add_output(tensor)
    for (layer, slot), value in changed.items():
        part.give_const(part.op(layer), slot, value)
    return part


class Course:
    """Where each tensor of a network is made and last read, by the places of nodes in order."""

    def __init__(self, program: ProgramView) -> None:
        self.program, self.ops = program, list(program.each())
        self.place = {op.name: number for number, op in enumerate(self.ops)}
        self.made = dict.fromkeys(program.inputs, -1)
        self.read: dict[str, int] = {}
        for number, op in enumerate(self.ops):
            self.made |= dict.fromkeys(op.outputs, number)
            self.read |= dict.fromkeys((*op.inputs, *op.captures), number)

    def crossing(self, place: int) -> list[str]:
        """List the computed tensors that nodes from a place on read from before it."""
        return [t for t, made in self.made.items() if t and made < place <= self.read.get(t, -1)]

    def can_part(self, place: int) -> bool:
        """Tell whether all that crosses a place has a type, so that it can be an input."""
        types = [self.program.type(tensor) for tensor in self.crossing(place)]
        return all(kind.dtype is not None and kind.static_shape is not None for kind in types)

    def rest(self, place: int, changed: Mapping[tuple[str, int], Array]) -> Program:
        """Make a program of all nodes from a place on, with the outputs that are made there."""
        outputs = [tensor for tensor in self.program.outputs if self.made.get(tensor, -1) >= place]
        return section(self.program, self.ops[place:], outputs, changed)

    def between(self, start: int, stop: int) -> Program:
        """Make a program of the nodes between two places; it puts out what later nodes read."""
        outputs = [tensor for tensor in self.crossing(stop) if self.made[tensor] >= start]
        return section(self.program, self.ops[start:stop], outputs, {})
