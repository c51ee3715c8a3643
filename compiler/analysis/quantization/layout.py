"""Where integers can be: layers with integer kernels, the tensors between them, and which of those share a scale."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.analysis.quantization.forms import WEIGHTED, qasymm8_obstacle, tensorrt_obstacle
from compiler.analysis.quantization.input_pairs import InputPairs
from compiler.ir import Op, ProgramView
from compiler.target import QuantScheme

COMMUTATIVE = ("Add", "Sum", "Mul")


@dataclass(frozen=True)
class Layout:
    """What will be quantised."""

    layers: tuple[str, ...]
    """Layers that compute in integers, in the program's order."""
    tensors: tuple[str, ...]
    """Computed tensors that get a scale and a zero point."""
    roots: dict[str, str]
    """For each of the tensors, and those inside a chain of moves, the one that stands for all that share its scale."""
    floats: dict[str, str]
    """Layers that stay in float, each with the reason."""


def find_layout(
    program: ProgramView, scheme: QuantScheme, chosen: set[str], spared: set[str], kept: Mapping[str, str]
) -> Layout:
    """Decide layer by layer; near-linear in nodes.

    Layers outside `chosen` or in `spared` stay in float, and so do those in `kept`, which gives their reasons. An
    operator that only moves values is quantised when what it moves is: it never starts a region of integers of its own.
    A layer that would join a tensor whose scale is settled with others stays in float too.
    """
    if scheme.name == "tensorrt-int8":
        return _before_layers(program, scheme, chosen - spared, kept)
    kept = dict(kept)
    while True:
        layout = _find(program, scheme, chosen, spared, kept)
        clashes = _clashes(program, scheme, layout)
        if not clashes:
            return layout
        kept |= clashes


def _before_layers(program: ProgramView, scheme: QuantScheme, chosen: set[str], kept: Mapping[str, str]) -> Layout:
    """Put integers in front of layers only."""
    found = InputPairs(program, scheme, {op.name: _refusal(program, op, scheme, chosen, kept) for op in program.each()})
    known = {name: name for row in (found.tensors, *found.rows) for name in row}
    for one, *others in found.rows:
        for other in others:
            known[_root(known, other)] = _root(known, one)
    order = tuple(op.name for op in program.each() if op.name in found.layers)
    floats = {op.name: found.floats[op.name] for op in program.each() if op.name in found.floats}
    floats = {name: why for name, why in floats.items() if _computes(program, program.op(name))}
    return Layout(order, found.tensors, {name: _root(known, name) for name in known}, floats)


def units_of(program: ProgramView, scheme: QuantScheme, layout: Layout) -> dict[str, tuple[str, ...]]:
    """Group the layers that can only go back to float together, by the first: with a kernel what it takes in.

    Operators that only move values are left out, as they compute in what they are given.
    """
    layers, heads, units = set(layout.layers), dict[str, str](), dict[str, list[str]]()
    for name in layout.layers:
        op = program.op(name)
        maker = program.producer(op.x)
        is_part = maker is not None and _is_fused(program, op, layers, scheme)
        heads[name] = heads[maker.name] if maker is not None and is_part else name
        if op.op_type not in scheme.moves:
            units.setdefault(heads[name], []).append(name)
    return {head: tuple(names) for head, names in units.items()}


def settled_roots(program: ProgramView, scheme: QuantScheme, layout: Layout) -> dict[str, tuple[float, int]]:
    """Map the roots of tensors whose scale and zero point the kernels dictate to those."""
    found: dict[str, tuple[float, int]] = {}
    for name in layout.layers:
        op = program.op(name)
        if op.op_type in scheme.settled and op.y in layout.roots:
            found[layout.roots[op.y]] = scheme.settled[op.op_type]
    return found


def _clashes(program: ProgramView, scheme: QuantScheme, layout: Layout) -> dict[str, str]:
    """Find the layers that join tensors of a settled scale with tensors that have another; each with the reason."""
    settled = settled_roots(program, scheme, layout)
    if not settled:
        return {}
    free = {tensor for tensor in layout.roots if not _is_settled(program, scheme, layout, tensor)}
    mixed = {layout.roots[tensor] for tensor in free} & settled.keys()
    said = "it joins tensors whose scales cannot be the same: one of them is fixed by its kernel"
    joins = (program.op(name) for name in layout.layers)
    return {op.name: said for op in joins if op.op_type == "Concat" and layout.roots.get(op.y) in mixed}


def _is_settled(program: ProgramView, scheme: QuantScheme, layout: Layout, tensor: str) -> bool:
    """Tell whether a tensor is made by a kernel that dictates its scale, or only hands on what others made."""
    maker = program.producer(tensor)
    if maker is None or maker.name not in layout.layers:
        return False
    is_alone = maker.op_type in scheme.shared and not _is_fused(program, maker, set(layout.layers), scheme)
    return is_alone or maker.op_type in scheme.settled


def _find(
    program: ProgramView, scheme: QuantScheme, chosen: set[str], spared: set[str], kept: Mapping[str, str]
) -> Layout:
    floats: dict[str, str] = {}
    layers: set[str] = set()
    found: dict[str, None] = {}
    for op in program.each():
        why = _refusal(program, op, scheme, chosen - spared, kept)
        if why is not None:
            if _computes(program, op):
                floats[op.name] = why
        elif op.op_type not in scheme.shared:
            layers.add(op.name)
            found |= dict.fromkeys(_activations(program, op, scheme, chosen - spared - kept.keys()))
    for op in program.each():
        if op.op_type in scheme.shared and _refusal(program, op, scheme, chosen - spared, kept) is None:
            if _is_fused(program, op, layers, scheme):
                layers.add(op.name)
                found[op.y] = None
            elif not found.keys().isdisjoint(op.inputs):
                layers.add(op.name)
                found |= dict.fromkeys(name for name in (*_moved(program, op), *op.outputs) if name)
    known = {name: name for name in found}
    for one, other in _ties(program, layers, known, scheme):
        known[_root(known, other)] = _root(known, one)
    order = tuple(op.name for op in program.each() if op.name in layers)
    inner = {name for name in known if _is_inner(program, name, layers, scheme)}
    tensors = tuple(name for name in known if name not in inner)
    return Layout(order, tensors, {name: _root(known, name) for name in known}, floats)


def _moved(program: ProgramView, op: Op) -> Iterator[str]:
    """Yield the computed tensors whose values an operator hands on."""
    return (name for name in op.inputs if name and not program.is_constant(name) and _is_real(program, name))


def _is_real(program: ProgramView, tensor: str) -> bool:
    return program.type(tensor).dtype == np.float32


def _is_inner(program: ProgramView, tensor: str, layers: set[str], scheme: QuantScheme) -> bool:
    """Tell whether a tensor goes from one move to the next, so that it needs no pair of its own."""
    maker, readers = program.producer(tensor), program.readers(tensor)
    if maker is None or program.is_output(tensor) or not readers:
        return False
    return all(op.op_type in scheme.moves and op.name in layers for op in (maker, *readers))


def _is_fused(program: ProgramView, op: Op, layers: set[str], scheme: QuantScheme) -> bool:
    maker = program.producer(op.x)
    is_after = maker is not None and maker.op_type in (*WEIGHTED, *scheme.saturating) and maker.name in layers
    return op.op_type in scheme.fused and is_after and program.is_private(op.x)


def _refusal(
    program: ProgramView, op: Op, scheme: QuantScheme, chosen: set[str], kept: Mapping[str, str]
) -> str | None:
    """Say why a layer stays in float, or None."""
    if op.domain or op.op_type not in (*scheme.operators, *scheme.unfit):
        return f"{op.op_type} has no integer kernel on this target"
    if op.name not in chosen:
        return "the recipe leaves it in float"
    if op.name in kept:
        return kept[op.name]
    if op.op_type in scheme.unfit:
        return scheme.unfit[op.op_type]
    if any(program.type(name).dtype != np.float32 for name in (op.x, op.y) if name):
        return "it does not compute in 32-bit floats"
    if scheme.name == "qasymm8" and (why := qasymm8_obstacle(program, op)) is not None:
        return why
    if scheme.name == "tensorrt-int8" and (why := tensorrt_obstacle(program, op)) is not None:
        return why
    is_constant = program.is_constant(op.x) and (scheme.name == "tensorrt-int8" or op.op_type not in COMMUTATIVE)
    if is_constant or op.captures:
        return "its input is a constant"
    if op.op_type in WEIGHTED and not program.is_constant(op.input(1)):
        return "its weight is computed at run time"
    if op.op_type in WEIGHTED and op.has(2) and not program.is_constant(op.input(2)):
        return "its bias is computed at run time"
    is_scaled = op.op_type == "Gemm" and (op.number("alpha", 1.0), op.number("beta", 1.0)) != (1.0, 1.0)
    if is_scaled or (op.op_type == "Gemm" and op.integer("transA", 0)):
        return "it transposes its input or scales its result"
    return None


def _computes(program: ProgramView, op: Op) -> bool:
    """Tell whether a layer does arithmetic on activations, so that its staying in float is worth a word."""
    return program.type(op.y).dtype == np.float32 and any(
        not program.is_constant(name) and program.type(name).dtype == np.float32 for name in op.inputs if name
    )


def _activations(program: ProgramView, op: Op, scheme: QuantScheme, chosen: set[str]) -> Iterator[str]:
    """Yield the tensors at a layer's borders that become integers; a fused activation moves the border behind it."""
    for slot, name in enumerate(op.inputs):
        if name and not program.is_constant(name) and (slot == 0 or op.op_type not in WEIGHTED):
            yield name
    if op.op_type not in (*WEIGHTED, *scheme.saturating) or not program.is_private(op.y):
        yield op.y
        return
    reader = program.readers(op.y)[0]
    if reader.op_type not in scheme.fused or reader.x != op.y or reader.name not in chosen:
        yield op.y


def _ties(
    program: ProgramView, layers: set[str], known: dict[str, str], scheme: QuantScheme
) -> Iterator[tuple[str, str]]:
    """Yield pairs of tensors that need one scale."""
    for op in program.each():
        if op.name not in layers or op.op_type not in scheme.shared or _is_fused(program, op, layers, scheme):
            continue
        row = [name for name in (*op.inputs, *op.outputs) if name in known]
        yield from ((row[0], other) for other in row[1:])


def _root(known: dict[str, str], name: str) -> str:
    """Follow a chain to its end, and shorten it."""
    end = name
    while known[end] != end:
        end = known[end]
    while known[name] != end:
        known[name], name = end, known[name]
    return end
