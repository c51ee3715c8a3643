"""Topological order without recursion, so that a 10,000-level graph sorts as well as a short one."""

from collections.abc import Callable, Mapping, Sequence

from compiler.ir.types import Node


class CycleError(ValueError):
    """The graph has a cycle; carries the names of the nodes on it."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("the graph has a cycle through " + ", ".join(names[:8]))
        self.names = tuple(names)


def sorted_names(
    nodes: Mapping[str, Node], producer: Mapping[str, str], reads: Callable[[Node], list[str]]
) -> tuple[list[str], list[str]]:
    """Sort node names so that producers come first, keeping the stored order where it is free.

    Depth-first post-order with an explicit stack, from each node in stored order: linear in nodes plus edges.
    Returns the order, and the names of one cycle (empty when there is none).
    """
    done: set[str] = set()
    open_names: dict[str, None] = {}
    order: list[str] = []
    for root in nodes:
        if root in done:
            continue
        stack = [(root, _producers_of(nodes[root], producer, reads))]
        open_names[root] = None
        while stack:
            name, pending = stack[-1]
            if not pending:
                stack.pop()
                del open_names[name]
                done.add(name)
                order.append(name)
                continue
            before = pending.pop()
            if before in open_names:
                trail = list(open_names)
                return order, trail[trail.index(before) :]
            if before not in done:
                stack.append((before, _producers_of(nodes[before], producer, reads)))
                open_names[before] = None
    return order, []


def _producers_of(node: Node, producer: Mapping[str, str], reads: Callable[[Node], list[str]]) -> list[str]:
    """List the producers of what a node reads, last read first, so that popping visits them in order."""
    return [producer[name] for name in reversed(reads(node)) if name in producer]
