"""Let regions of operators compute in the order of axes that their surroundings use, so that Transposes cancel.

Exporters of frameworks that keep channels last wrap each convolution between two Transposes and leave the arithmetic
between in their own order. Bit for bit the same comes out when that arithmetic is done with the channels first.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from compiler.analysis.axis_order import (
    Perm,
    can_turn,
    chained,
    elements_of,
    inverse,
    is_still,
    keeps_elements,
    perm_of,
)
from compiler.ir import Op, Program, ProgramView, TensorType
from compiler.rewrites.turn_axes import turn_settings

_START = 4096
"""What starting a Transpose costs, in elements moved."""

_MOST_ROUNDS = 10
"""Three were the most that a network needed."""


@dataclass(frozen=True)
class _Region:
    """Operators that share an order of axes, what they read from outside, and what is read of them outside."""

    ops: tuple[Op, ...]
    entries: tuple[str, ...]
    exits: tuple[str, ...]


@dataclass(frozen=True)
class _Bill:
    """What Transposes cost in elements moved, each start included, and how many they are."""

    cost: int
    count: int

    def __add__(self, other: "_Bill") -> "_Bill":
        return _Bill(self.cost + other.cost, self.count + other.count)


def cancel_transposes(program: Program) -> None:
    """Merge Transposes in a row, and turn each region where that leaves less to move and no more Transposes.

    A region weighs all Transposes at its border against those that would stand there afterwards, so every turn lowers
    what is moved, and what it leaves may let the next one gain. Linear in nodes, as the rounds are counted.
    """
    if not any(perm_of(program, op) is not None for op in program.each()):
        return
    for _ in range(_MOST_ROUNDS):
        is_changed = _merge(program)
        for region in _regions(program):
            perm = _best(program, region)
            if perm is not None:
                _turn(program, region, perm)
                is_changed = True
        if not is_changed:
            return


def _merge(program: Program) -> bool:
    """Put two Transposes in a row into one, and drop one before a Reshape that does not care."""
    is_changed = False
    for op in program.each():
        maker = program.producer(op.x) if op.inputs and not op.domain else None
        first, then = perm_of(program, maker), perm_of(program, op)
        if maker is None or first is None:
            continue
        if then is not None and (is_still(chained(first, then)) or program.is_private(maker.y)):
            program.set_attribute(op, "perm", list(chained(first, then)))
        elif not (op.op_type == "Reshape" and _is_indifferent(program, op, maker, first)):
            continue
        program.set_input(op, 0, maker.x)
        _drop_if_unread(program, maker)
        _drop_if_still(program, op)
        is_changed = True
    return is_changed


def _is_indifferent(program: ProgramView, op: Op, maker: Op, perm: Perm) -> bool:
    """Tell whether a Reshape makes the same of what a Transpose reads: no element moves, no size is copied."""
    sizes, shape = program.const(op.input(1)), program.shape(maker.x)
    return sizes is not None and bool(sizes.all()) and shape is not None and keeps_elements(perm, shape)


def _drop_if_unread(program: Program, op: Op) -> None:
    """Remove a node of which nothing is left to read."""
    if not program.readers(op.y) and not program.is_output(op.y):
        program.remove(op)


def _drop_if_still(program: Program, op: Op) -> None:
    """Remove a Transpose that leaves every axis in place."""
    perm = perm_of(program, op)
    if perm is not None and is_still(perm):
        program.bypass(op)


def _regions(program: ProgramView) -> Iterator[_Region]:
    """Gather operators that can be turned and hand tensors to each other."""
    import networkx

    graph: networkx.Graph[str] = networkx.Graph()
    for op in program.each():
        if not can_turn(program, op):
            continue
        graph.add_node(op.name)
        makers = (program.producer(tensor) for tensor in elements_of(program, op))
        graph.add_edges_from((maker.name, op.name) for maker in makers if maker is not None and maker.name in graph)
    order = {name: place for place, name in enumerate(graph)}
    for names in list(networkx.connected_components(graph)):
        yield _region(program, [program.op(name) for name in sorted(names, key=order.__getitem__)])


def _region(program: ProgramView, ops: list[Op]) -> _Region:
    """Find a region's borders."""
    names = {op.name for op in ops}
    made = dict.fromkeys(tensor for op in ops for tensor in op.outputs if tensor)
    read = dict.fromkeys(tensor for op in ops for tensor in elements_of(program, op))
    exits = [
        tensor
        for tensor in made
        if program.is_output(tensor) or any(_is_outside(reader, tensor, names) for reader in program.readers(tensor))
    ]
    return _Region(tuple(ops), tuple(tensor for tensor in read if tensor not in made), tuple(exits))


def _best(program: ProgramView, region: _Region) -> Perm | None:
    """Choose the order of axes that leaves least to move; None where none is better than the present one."""
    names = {op.name for op in region.ops}
    now, wanted = _Bill(0, 0), dict[Perm, None]()
    for tensor in region.entries:
        found = _transpose_before(program, tensor, names)
        if found is None:
            continue
        maker, perm = found
        wanted[perm] = None
        is_shared = program.is_output(tensor)
        is_shared |= any(_is_outside(reader, tensor, names) for reader in program.readers(tensor))
        now += _Bill(0, 0) if is_shared else _price(program.shape(maker.x), perm)
    for tensor in region.exits:
        for _, perm in _transposes(program, tensor):
            wanted[inverse(perm)] = None
            now += _price(program.shape(tensor), perm)
    bills = {perm: _bill(program, region, names, perm) for perm in wanted if not is_still(perm)}
    best = min(bills, key=lambda perm: bills[perm].cost, default=None)
    return best if best is not None and bills[best].cost < now.cost and bills[best].count <= now.count else None


def _bill(program: ProgramView, region: _Region, names: set[str], perm: Perm) -> _Bill:
    """Add up the Transposes that stand at a region's border once it is turned."""
    bill = _Bill(0, 0)
    for tensor in region.entries:
        source, turn = _entry(program, tensor, names, perm)
        bill += _price(program.shape(source), turn)
    for tensor in region.exits:
        shape = _turned_type(program.type(tensor), inverse(perm)).static_shape
        for _, then in _transposes(program, tensor):
            bill += _price(shape, chained(perm, then))
        bill += _price(shape, perm) if _is_needed_as_it_was(program, tensor, names) else _Bill(0, 0)
    return bill


def _transpose_before(program: ProgramView, tensor: str, names: set[str]) -> tuple[Op, Perm] | None:
    """Find the Transpose that makes an entry of a region, unless it turns what the region itself makes."""
    maker = program.producer(tensor)
    perm = perm_of(program, maker)
    if maker is None or perm is None:
        return None
    before = program.producer(maker.x)
    return None if before is not None and before.name in names else (maker, perm)


def _entry(program: ProgramView, tensor: str, names: set[str], perm: Perm) -> tuple[str, Perm]:
    """Tell from which tensor a turned entry comes, and by which Transpose; that of a Transpose comes from before it."""
    found = _transpose_before(program, tensor, names)
    return (tensor, inverse(perm)) if found is None else (found[0].x, chained(found[1], inverse(perm)))


def _transposes(program: ProgramView, tensor: str) -> list[tuple[Op, Perm]]:
    """List the Transposes that read a tensor."""
    found = [(reader, perm_of(program, reader)) for reader in program.readers(tensor)]
    return [(reader, perm) for reader, perm in found if perm is not None]


def _is_needed_as_it_was(program: ProgramView, tensor: str, names: set[str]) -> bool:
    """Tell whether something outside a region, other than a Transpose, reads a tensor, or the network puts it out."""
    readers = program.readers(tensor)
    return program.is_output(tensor) or any(
        _is_outside(reader, tensor, names) and perm_of(program, reader) is None for reader in readers
    )


def _price(shape: tuple[int, ...] | None, perm: Perm) -> _Bill:
    """Price a Transpose of a tensor of this shape; one that leaves all in place goes away."""
    if is_still(perm):
        return _Bill(0, 0)
    moved = 0 if shape is None or keeps_elements(perm, shape) else math.prod(shape)
    return _Bill(_START + moved, 1)


def _turn(program: Program, region: _Region, perm: Perm) -> None:
    """Let a region compute in another order of axes, and mend its borders."""
    names = {op.name for op in region.ops}
    turned = {tensor: _turned_entry(program, tensor, names, perm) for tensor in region.entries}
    for tensor in region.exits:
        if _is_needed_as_it_was(program, tensor, names):
            turned[tensor] = program.free_name(tensor)
    for op in region.ops:
        turn_settings(program, op, perm)
        for slot, tensor in enumerate(op.inputs):
            program.set_input(op, slot, turned.get(tensor, tensor))
        for tensor in filter(None, op.outputs):
            program.set_type(tensor, _turned_type(program.type(tensor), inverse(perm)))
    for tensor in region.exits:
        fresh = turned.get(tensor, tensor)
        for reader, then in _transposes(program, tensor):
            program.set_input(reader, 0, fresh)
            program.set_attribute(reader, "perm", list(chained(perm, then)))
        if fresh != tensor:
            program.add("Transpose", [fresh], [tensor], {"perm": list(perm)}, name=f"{tensor}_transpose")
        for reader, _ in _transposes(program, fresh):
            _drop_if_still(program, reader)
    for tensor in region.entries:
        maker = program.producer(tensor)
        if maker is not None and perm_of(program, maker) is not None:
            _drop_if_unread(program, maker)


def _turned_entry(program: Program, tensor: str, names: set[str], perm: Perm) -> str:
    """Make an entry of a region come in the region's new order of axes."""
    source, turn = _entry(program, tensor, names, perm)
    if is_still(turn):
        return source
    op = program.add(
        "Transpose", [source], [program.fresh(f"{tensor}_turned")], {"perm": list(turn)}, name=f"{tensor}_turned"
    )
    program.set_type(op.y, _turned_type(program.type(source), turn))
    return op.y


def _turned_type(kind: TensorType, perm: Perm) -> TensorType:
    """Order a shape's sizes as a Transpose does."""
    assert kind.shape is not None
    return TensorType(kind.dtype, tuple(kind.shape[axis] for axis in perm))


def _is_outside(reader: Op, tensor: str, names: set[str]) -> bool:
    """Tell whether a tensor's reader stands outside a region, or a graph within it reads the tensor by name."""
    return reader.name not in names or tensor in reader.captures
