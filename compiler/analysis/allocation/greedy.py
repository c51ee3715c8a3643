"""Which units go one after the other: always those that cost the network least for what they save."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compiler.analysis.allocation.measures import Measure
from compiler.analysis.allocation.widths import Floats
from compiler.analysis.channels import Ids

Price = Callable[[float, float, float], float]
"""What a step costs, given the group's damage before and after it and what it saves: the cheapest goes first."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What may happen to one group."""

    start: int
    """How many units it has, or is fixed to."""
    least: int
    """How many have to stay."""
    step: int
    """Counts on the way are multiples of this."""
    damage: Floats
    """damage[j]: what the network has suffered when j units are gone; it grows ever faster."""

    def after(self, now: int) -> int | None:
        """Tell the next smaller count, or None at the end."""
        below = (now - 1) // self.step * self.step
        return below if below >= self.least else None


@dataclass(frozen=True)
class Step:
    """A group goes down to a number of units."""

    group: int
    stay: int


def steps(measure: Measure, choices: Sequence[Choice], price: Price) -> list[Step]:
    """List every step down to the smallest network, cheapest first; steps that save nothing are never taken.

    Savings shrink as neighbours shrink, and damage grows, so a price noted earlier is a lower bound: a heap with lazy
    updates finds each step by pricing anew only what comes to its top. With S steps and prices that touch t rows of
    the network's constants that is O(S (log groups + t)) and a few repeats, whatever the goal.
    """
    taken: list[Step] = []
    heap = [entry for group in range(len(choices)) if (entry := _entry(measure, choices, group, price)) is not None]
    heapq.heapify(heap)
    while heap:
        group = heapq.heappop(heap)[-1]
        entry = _entry(measure, choices, group, price)
        if entry is None:
            continue
        if heap and entry > heap[0]:
            heapq.heappush(heap, entry)
            continue
        now = int(measure.widths.units[group])
        stay = choices[group].after(now)
        assert stay is not None
        measure.take(group, now - stay)
        taken.append(Step(group, stay))
        following = _entry(measure, choices, group, price)
        if following is not None:
            heapq.heappush(heap, following)
    return taken


def first_within(measure: Measure, start: Ids, taken: Sequence[Step], goal: float) -> Ids | None:
    """Count the units that stay after the fewest steps that meet a goal; None when all of them do not.

    By bisection, with the exact cost, so that a tighter goal never leaves a group more.
    """
    if measure.total(_after(start, taken)) > goal:
        return None
    low, high = -1, len(taken)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if measure.total(_after(start, taken[:middle])) <= goal else (middle, high)
    return _after(start, taken[:high])


def _after(start: Ids, taken: Sequence[Step]) -> Ids:
    units = start.copy()
    for step in taken:
        units[step.group] = step.stay
    return units


def _entry(measure: Measure, choices: Sequence[Choice], group: int, price: Price) -> tuple[float, float, int] | None:
    """Price a group's next step; None at its end, or when the step saves nothing."""
    choice, now = choices[group], int(measure.widths.units[group])
    stay = choice.after(now)
    if stay is None:
        return None
    saving = measure.saving(group, now - stay)
    if saving <= 0:
        return None
    before, after = choice.damage[choice.start - now], choice.damage[choice.start - stay]
    return price(float(before), float(after), saving), -saving, group


def per_saving(before: float, after: float, saving: float) -> float:
    """Price a step by the damage it does for each unit of the cost that it saves."""
    return (after - before) / saving


def evenly(before: float, after: float, saving: float) -> float:
    """Price a step by all damage so far: with the removed share as damage, every group shrinks alike."""
    del before, saving
    return after
