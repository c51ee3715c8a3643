"""The channel groups as a graph: which layers are tied to which."""

from itertools import pairwise

import networkx as nx

from compiler.analysis.channels.groups import Channels


def group_graph(channels: Channels) -> "nx.Graph[str]":
    """Join layers that share units: nodes are layers with filters, an edge's `units` counts what they share.

    The layers of a group are joined one to the next, not each to each, so the graph stays linear in the network.
    """
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(channels.filters)
    for group in channels.groups:
        for one, other in pairwise(group.layers):
            shared = graph.edges[one, other]["units"] if graph.has_edge(one, other) else 0
            graph.add_edge(one, other, units=shared + int(group.units.size))
    return graph
