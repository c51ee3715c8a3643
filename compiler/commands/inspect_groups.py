"""`compress inspect --groups`: which layers lose filters together, what is cut with them, and what stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.analysis.channels import FIXED, Channels, find_channels
from compiler.commands.output import FINE, say, show_findings, status_of_failure, write_json, write_table
from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx


@dataclass(frozen=True)
class _Cut:
    """A constant that is cut with a group: an input slot of a layer, and the axis."""

    layer: str
    slot: int
    axis: int


@dataclass(frozen=True)
class _Group:
    """A channel group: so many units, of so many filters in all, and the constants that are cut with them."""

    units: int
    filters: int
    layers: tuple[str, ...]
    cuts: tuple[_Cut, ...]


def inspect_groups_command(model: Path, shapes: Mapping[str, tuple[int, ...]], output: str) -> int:
    """Load a model and show its channel groups, and return the exit status."""
    try:
        loaded = load_onnx(model, shapes)
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    channels = find_channels(loaded.program)
    groups = _groups(channels)
    if output == "json":
        write_json(_document(channels, groups))
        return FINE
    if loaded.findings:
        show_findings(loaded.findings, output)
    _show(loaded.program.name, channels, groups)
    return FINE


def _groups(channels: Channels) -> list[_Group]:
    """Collect what is cut with each group; linear in channels, but for sorting each layer's."""
    number = np.full(channels.labels.size, -1)
    for index, group in enumerate(channels.groups):
        number[group.units] = index
    filters = [0] * len(channels.groups)
    cuts: list[list[_Cut]] = [[] for _ in channels.groups]
    for use in channels.uses:
        hits, counts = np.unique(number[channels.labels_of(use.ids[use.ids != FIXED])], return_counts=True)
        for hit, count in zip(hits.tolist(), counts.tolist(), strict=True):
            if hit >= 0:
                cuts[hit].append(_Cut(use.layer, use.slot, use.axis))
                filters[hit] += count if use.is_filter else 0
    return [
        _Group(int(group.units.size), filters[index], group.layers, tuple(cuts[index]))
        for index, group in enumerate(channels.groups)
    ]


def _document(channels: Channels, groups: list[_Group]) -> dict[str, object]:
    """Gather everything as plain JSON values; `graph` joins the layers that share units."""
    from compiler.analysis.channels.graph import group_graph

    graph = group_graph(channels)
    return {
        "groups": [
            {
                "units": group.units,
                "filters": group.filters,
                "layers": list(group.layers),
                "cuts": [{"layer": cut.layer, "slot": cut.slot, "axis": cut.axis} for cut in group.cuts],
            }
            for group in groups
        ],
        "kept": [{"layer": layer, "why": why} for layer, why in channels.kept.items()],
        "graph": {
            "nodes": list(graph.nodes),
            "edges": [
                {"layers": [one, other], "units": graph.edges[one, other]["units"]} for one, other in graph.edges
            ],
        },
    }


def _show(name: str, channels: Channels, groups: list[_Group]) -> None:
    """Print the groups, what is cut with them, and the layers whose filters stay."""
    if groups:
        write_table(
            f"{name}: channel groups; a unit is the filters that can only go together",
            ("group", "units", "filters", "layers that lose filters"),
            [(str(n), f"{g.units:,}", f"{g.filters:,}", ", ".join(g.layers)) for n, g in enumerate(groups, 1)],
        )
        write_table(
            "constants that are cut with a group",
            ("layer", "group", "input slot", "axis"),
            [(cut.layer, str(n), str(cut.slot), str(cut.axis)) for n, g in enumerate(groups, 1) for cut in g.cuts],
            numbers=(1, 2, 3),
        )
    else:
        say(f"{name}: no layer has filters that can go")
    if channels.kept:
        write_table("layers with filters that stay", ("layer", "why"), list(channels.kept.items()))
