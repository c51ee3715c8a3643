"""Rounds: how far a pruning goes in one of several, counted from the network that the rounds set out from."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from compiler.analysis.allocation.goal import Goal, limit
from compiler.analysis.channels import ChannelGroup, find_channels
from compiler.analysis.cost import cost
from compiler.ir import ProgramView
from compiler.target import CostModel


def sizes_at_start(groups: Sequence[ChannelGroup], origin: ProgramView | None) -> list[int]:
    """Tell how many units each group had before the first round; without an origin what it has now.

    Groups are known by their layers; of several with the same layers the first is the first. One that had no
    counterpart, or fewer units, counts from what it has now.
    """
    if origin is None:
        return [group.units.size for group in groups]
    before: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for group in find_channels(origin).groups:
        before[group.layers].append(group.units.size)
    seen: dict[tuple[str, ...], int] = defaultdict(int)
    sizes: list[int] = []
    for group in groups:
        known, place = before[group.layers], seen[group.layers]
        seen[group.layers] += 1
        sizes.append(max(group.units.size, known[place] if place < len(known) else 0))
    return sizes


def goal_on_the_way(goal: Goal | None, origin: ProgramView | None, way: Fraction, model: CostModel) -> Goal | None:
    """Go this share of the way from what the origin costs to the goal; outside of rounds the goal is as it stands."""
    if goal is None or origin is None:
        return goal
    ((name, amount),) = goal.stated.items()
    before = float(getattr(cost(origin, model), name))
    return Goal.model_validate({name: before + float(way) * (limit(amount, before) - before)})
