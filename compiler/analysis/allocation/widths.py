"""How wide every axis of a network is while units of its channel groups go: linear in the units that stay."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import FIXED, ChannelGroup, Channels, Ids

Floats = NDArray[np.float64]

ONE = 0
"""The number of the axis that is always 1 wide."""


@dataclass(eq=False)
class Widths:
    """The widths of numbered axes, as many units of each group staying as `units` says."""

    full: Floats
    """Per axis, its width before anything goes."""
    most: Ids
    """Per group, how many units it has."""
    shares: list[tuple[Ids, Floats]]
    """Per group, the axes that its units lie on and how many places a unit takes there."""

    def __post_init__(self) -> None:
        self.now, self.units = self.full.copy(), self.most.copy()

    def take(self, group: int, count: int) -> None:
        """Let units of a group go."""
        axes, places = self.shares[group]
        self.now[axes] -= count * places
        self.units[group] -= count

    def at(self, units: Ids) -> Floats:
        """Tell every axis's width when so many units of each group stay; what stays now is left alone."""
        found = self.full.copy()
        for (axes, places), gone in zip(self.shares, (self.most - units).tolist(), strict=True):
            found[axes] -= gone * places
        return found


class AxisBook:
    """Numbers axes by the units that lie on them, each row of units once."""

    def __init__(self, channels: Channels, groups: tuple[ChannelGroup, ...]) -> None:
        self._channels, self._groups = channels, groups
        self._numbers: dict[bytes, int] = {}
        self._rows: list[Ids] = [np.full(1, FIXED)]
        self._group_of = np.full(channels.labels.size + 1, FIXED)
        for number, group in enumerate(groups):
            self._group_of[group.units] = number

    def axis(self, ids: Ids) -> int:
        """Return the number of the axis on which these channels lie."""
        labels = self._channels.labels_of(ids)
        known = self._numbers.setdefault(labels.tobytes(), len(self._rows))
        if known == len(self._rows):
            self._rows.append(labels)
        return known

    def widths(self) -> Widths:
        """Count each group's places on each axis; linear in the axes' channels."""
        shares: list[tuple[list[int], list[float]]] = [([], []) for _ in self._groups]
        for axis, labels in enumerate(self._rows):
            owners = self._group_of[labels]  # FIXED, -1, reads the spare last entry
            for group, count in zip(*np.unique(owners[owners != FIXED], return_counts=True), strict=True):
                shares[group][0].append(axis)
                shares[group][1].append(count / self._groups[group].units.size)
        return Widths(
            np.array([labels.size for labels in self._rows], dtype=np.float64),
            np.array([group.units.size for group in self._groups], dtype=np.int64),
            [(np.array(axes, dtype=np.int64), np.array(places)) for axes, places in shares],
        )
