"""Quantities of the form coefficient x width x width: weights, multiply-accumulates and bytes are sums of them."""

from dataclasses import dataclass, field

import numpy as np

from compiler.analysis.allocation.widths import Floats, Widths
from compiler.analysis.channels import Ids


@dataclass
class Products:
    """Rows of a table while it is written."""

    coefficient: list[float] = field(default_factory=list[float])
    first: list[int] = field(default_factory=list[int])
    second: list[int] = field(default_factory=list[int])
    owner: list[int] = field(default_factory=list[int])

    def add(self, coefficient: float, first: int, second: int, owner: int = 0) -> None:
        """Write a row; the owner is whatever number the table's user sums by."""
        self.coefficient.append(coefficient)
        self.first.append(first)
        self.second.append(second)
        self.owner.append(owner)

    def table(self, widths: Widths) -> "Table":
        """Finish the table and find the rows that each group's units touch."""
        return Table(
            np.array(self.coefficient, dtype=np.float64),
            np.array(self.first, dtype=np.int64),
            np.array(self.second, dtype=np.int64),
            np.array(self.owner, dtype=np.int64),
            widths,
        )


@dataclass(frozen=True, eq=False)
class Touched:
    """The rows of a table that change with a group, and how many places one unit takes on either axis."""

    rows: Ids
    first: Floats
    second: Floats


class Table:
    """Products of widths, and by how much each falls when units of a group go."""

    def __init__(self, coefficient: Floats, first: Ids, second: Ids, owner: Ids, widths: Widths) -> None:
        self.coefficient, self.first, self.second, self.owner = coefficient, first, second, owner
        self._widths = widths
        readers: list[list[int]] = [[] for _ in range(widths.full.size)]
        for row, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
            for axis in {one, other}:
                readers[axis].append(row)
        self.touched = [self._touched(group, readers) for group in range(len(widths.shares))]

    def values(self, at: Floats) -> Floats:
        """Compute every product at these widths."""
        return self.coefficient * at[self.first] * at[self.second]

    def falls(self, group: int, count: int) -> Floats:
        """Tell by how much each row that a group touches falls, from what stays now, when `count` more units go."""
        found, at = self.touched[group], self._widths.now
        one, other = at[self.first[found.rows]], at[self.second[found.rows]]
        after = (one - count * found.first) * (other - count * found.second)
        return self.coefficient[found.rows] * (one * other - after)

    def _touched(self, group: int, readers: list[list[int]]) -> Touched:
        axes, places = self._widths.shares[group]
        on: dict[int, float] = dict(zip(axes.tolist(), places.tolist(), strict=True))
        touched: set[int] = {row for axis in on for row in readers[axis]}
        rows = np.array(sorted(touched), dtype=np.int64)
        first = np.array([on.get(axis, 0.0) for axis in self.first[rows].tolist()])
        return Touched(rows, first, np.array([on.get(axis, 0.0) for axis in self.second[rows].tolist()]))
