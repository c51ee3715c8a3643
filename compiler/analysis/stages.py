"""Where a network's backbone ends: the stages of shrinking maps, and the tensors that the rest of it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from compiler.ir import Op, ProgramView

_END = ""
"""Stands behind all outputs of the network; no node has this name."""


@dataclass(frozen=True)
class Stage:
    """The last map of one size that every path from the input to the backbone's end passes."""

    tensor: str
    layer: str
    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Cut:
    """A backbone, by its nodes, and the tensors by which the rest of the network hangs on it."""

    layers: frozenset[str]
    border: tuple[str, ...]


def backbone_end(program: ProgramView) -> str | None:
    """Find the last tensor of the smallest map, before maps grow again or collapse to one pixel.

    From the first node that makes a map of the smallest size, follow what every path to an output passes, as long as
    the size stays. Where that leads to an output, the last convolution on the way is the head and stays. None in a
    network whose maps never shrink.
    """
    areas = {op.name: area for op in program.each() if (area := _area(program, op.y)) > 1}
    first = min(areas, key=lambda name: areas[name], default=None)
    start = max((_area(program, name) for name in program.inputs), default=0)
    if first is None or areas[first] >= start:
        return None
    follower = _dominators(program, is_backward=True)
    chain, after = [first], follower.get(first)
    while after is not None and areas.get(after) == areas[first]:
        chain.append(after)
        after = follower.get(after)
    if program.is_output(program.op(chain[-1]).y):
        heads = [place for place, name in enumerate(chain) if program.op(name).op_type == "Conv"]
        chain = chain[: heads[-1]] if heads else []
    return program.op(chain[-1]).y if chain else None


def find_cut(program: ProgramView, ends: Sequence[str]) -> Cut:
    """Gather all that leads to the given tensors, and which of its results others read or the network puts out."""
    layers, todo = set[str](), list(ends)
    while todo:
        maker = program.producer(todo.pop())
        if maker is not None and maker.name not in layers:
            layers.add(maker.name)
            todo += [tensor for tensor in (*maker.inputs, *maker.captures) if tensor]
    border: list[str] = []
    for op in program.each():
        if op.name not in layers:
            continue
        for tensor in op.outputs:
            is_read = any(reader.name not in layers for reader in program.readers(tensor))
            if tensor and (is_read or program.is_output(tensor)):
                border.append(tensor)
    return Cut(frozenset(layers), tuple(border))


def find_stages(program: ProgramView, end: str) -> list[Stage]:
    """List the stages up to a tensor, largest map first."""
    leader, maker = _dominators(program, is_backward=False), program.producer(end)
    name = None if maker is None else maker.name
    found: dict[tuple[int, int], Stage] = {}
    while name is not None and name != _END:
        op = program.op(name)
        shape = program.shape(op.y)
        if shape is not None and len(shape) == 4 and shape[2] * shape[3] > 1:
            found.setdefault(shape[2:], Stage(op.y, op.name, shape[1], shape[2], shape[3]))
        name = leader.get(name)
    return list(found.values())[::-1]


def _area(program: ProgramView, tensor: str) -> int:
    """Count the pixels of a map; 0 for what is none."""
    shape = program.shape(tensor)
    return shape[2] * shape[3] if shape is not None and len(shape) == 4 else 0


def _dominators(program: ProgramView, *, is_backward: bool) -> dict[str, str | None]:
    """Map each node to the nearest other one that all its paths pass, from the inputs or, backward, to the outputs."""
    import networkx

    graph: networkx.DiGraph[str] = networkx.DiGraph()
    for op in program.each():
        for before, after in _links(program, op):
            graph.add_edge(*((after, before) if is_backward else (before, after)))
    if _END not in graph:
        return {}
    found = cast("dict[str, str]", networkx.immediate_dominators(graph, _END))
    return {name: None if leader in (_END, name) else leader for name, leader in found.items() if name != _END}


def _links(program: ProgramView, op: Op) -> list[tuple[str, str]]:
    """List the edges into a node, or out of the network; the end node stands for inputs as well as for outputs."""
    makers = [program.producer(tensor) for tensor in (*op.inputs, *op.captures) if tensor]
    links = [(maker.name, op.name) for maker in makers if maker is not None]
    if any(tensor in program.inputs for tensor in op.inputs):
        links.append((_END, op.name))
    if any(program.is_output(tensor) for tensor in op.outputs):
        links.append((op.name, _END))
    return links
