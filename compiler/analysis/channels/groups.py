"""Channel groups: which filters of which layers go together, and why some cannot go at all."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels.identities import FIXED, Fold, Ids, Layout, Piece, Pin, Use, components
from compiler.analysis.channels.walk import walk
from compiler.ir import ProgramView


@dataclass(frozen=True)
class ChannelGroup:
    """A set of units; each unit is one or more filters that go together. All units span the same layers."""

    layers: tuple[str, ...]
    """The layers whose filters the units hold, in the program's order."""
    units: Ids
    """The label of each unit, ascending."""


@dataclass(frozen=True)
class Channels:
    """What the analysis of a program's channels found."""

    labels: Ids
    """For each identity, the label of the unit that it belongs to."""
    uses: tuple[Use, ...]
    pieces: tuple[Piece, ...]
    folds: tuple[Fold, ...]
    groups: tuple[ChannelGroup, ...]
    kept: dict[str, str]
    """Layers of which some filter has to stay, with the reason."""
    layouts: dict[str, Layout]
    """Where the channels of each computed tensor lie, for tensors that have any."""

    @cached_property
    def filters(self) -> dict[str, Use]:
        """The filter axis of each layer that has one."""
        return {use.layer: use for use in self.uses if use.is_filter}

    def labels_of(self, ids: Ids) -> Ids:
        """Map identities to unit labels; FIXED stays."""
        return np.where(ids == FIXED, FIXED, self.labels[np.maximum(ids, 0)]) if self.labels.size else ids

    def scores(self, group: ChannelGroup, by_layer: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Add up the members' filter scores for each unit of a group."""
        total = np.zeros(group.units.size)
        for layer in group.layers:
            labels = self.labels_of(self.filters[layer].ids)
            place = np.searchsorted(group.units, labels)
            is_member = (place < group.units.size) & (group.units[np.minimum(place, group.units.size - 1)] == labels)
            np.add.at(total, place[is_member], by_layer[layer][is_member])
        return total


def find_channels(program: ProgramView) -> Channels:
    """Analyse a program's channels; near-linear in nodes and channels."""
    state = walk(program)
    labels = components(state.count, state.edges)
    pinned = np.zeros(state.count, dtype=bool)
    for pin in state.pins:
        pinned[labels[pin.ids]] = True
    groups = _groups(state.uses, state.pieces, labels, pinned)
    kept = state.refused | _reasons(state.uses, state.pins, labels, pinned)
    return Channels(labels, tuple(state.uses), tuple(state.pieces), tuple(state.folds), groups, kept, state.layouts)


def _groups(uses: list[Use], pieces: list[Piece], labels: Ids, pinned: NDArray[np.bool_]) -> tuple[ChannelGroup, ...]:
    """Put the free units together that are alike; linear in identities, but for one sort."""
    filters = [use for use in uses if use.is_filter]
    is_filter = np.zeros(labels.size, dtype=bool)
    for use in filters:
        is_filter[labels[use.ids[use.ids != FIXED]]] = True
    free = np.flatnonzero(is_filter & ~pinned & (labels == np.arange(labels.size)))
    _, first, inverse = np.unique(_signatures(filters, pieces, labels)[free], return_index=True, return_inverse=True)
    number = np.full(labels.size, -1)
    number[free] = inverse
    members: dict[int, list[str]] = {}
    for use in filters:
        for hit in np.unique(number[labels[use.ids[use.ids != FIXED]]]).tolist():
            members.setdefault(hit, []).append(use.layer)
    ends = np.cumsum(np.bincount(inverse))
    units = cast(list[Ids], np.split(free[np.argsort(inverse, kind="stable")], ends[:-1]))
    return tuple(ChannelGroup(tuple(members[hit]), units[hit]) for hit in map(int, np.argsort(first)))


def _signatures(filters: list[Use], pieces: list[Piece], labels: Ids) -> NDArray[np.uint64]:
    """Mark each unit so that equal marks mean the same number of filters in the same layers, Splits and Slices.

    Each layer and part draws a random 64-bit number, which a unit adds up once per channel that it has there.
    """
    rng = np.random.default_rng(0)
    mark = np.zeros(labels.size, dtype=np.uint64)
    parts = [ids for piece in pieces if piece.kind in ("gather", "slice", "split") for ids in piece.ids]
    for ids in (*(use.ids for use in filters), *parts):
        found, count = np.unique(labels[ids[ids != FIXED]], return_counts=True)
        mark[found] += count.astype(np.uint64) * rng.integers(1, 2**63, dtype=np.uint64)
    return mark


def _reasons(uses: list[Use], pins: list[Pin], labels: Ids, pinned: NDArray[np.bool_]) -> dict[str, str]:
    """Say for each layer with filters that have to stay what holds them: the first pin met on any of them."""
    reason = np.full(labels.size, -1)
    for number in reversed(range(len(pins))):
        reason[labels[pins[number].ids]] = number
    kept: dict[str, str] = {}
    for use in uses:
        own = labels[use.ids[use.ids != FIXED]]
        held = own[pinned[own]]
        if use.is_filter and not own.size:
            kept[use.layer] = "its channels follow an input of the network"
        elif use.is_filter and held.size:
            pin = pins[int(reason[held[0]])]
            kept[use.layer] = pin.why if pin.layer == use.layer else f"{pin.layer}: {pin.why}"
    return kept
