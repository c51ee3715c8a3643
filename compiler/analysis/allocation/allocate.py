"""Share one budget out over all channel groups: more stays where it matters, less where nothing is lost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from compiler.analysis.allocation.counts import Count
from compiler.analysis.allocation.goal import Goal, limit, measure
from compiler.analysis.allocation.greedy import Choice, evenly, first_within, per_saving, steps
from compiler.analysis.allocation.widths import Floats
from compiler.analysis.channels import ChannelGroup, Channels
from compiler.codes.passes import GOAL_OUT_OF_REACH
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView
from compiler.target import CostModel

MEASURES = {
    "parameters": "{:,.0f} parameters",
    "macs": "{:,.0f} multiply-accumulates",
    "bytes": "{:,.0f} bytes",
    "predicted_ms": "{:.6g} predicted ms",
}
"""How each cost that can be a goal is written."""


class Share(BaseModel):
    """What one layer got of a budget."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    had: int
    """Filters before."""
    kept: int
    sensitivity: float | None = None
    """How far the outputs move, as a share of their range, when half of the layer's filters are silenced alone."""
    why: str
    """What decided: the budget, the smallest number allowed, a level of its own, or that less would save nothing."""


class Allocation(BaseModel):
    """How a budget was shared out."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    measure: str
    before: float
    goal: float
    reached: float
    """Counted on the network after the cut."""
    looked_at: str
    """What sensitivities were measured on."""
    layers: dict[str, Share]


@dataclass(frozen=True)
class Bounds:
    """What may be done to one group."""

    group: ChannelGroup
    count: Count
    """What the local scope would keep; all that is kept where `is_fixed`."""
    is_fixed: bool
    step: int
    """Counts are multiples of this, but for the whole."""


@dataclass(frozen=True, eq=False)
class Weighed:
    """What a group suffers: the damage after j of its units are gone, and its sensitivity where that was measured."""

    damage: Floats
    sensitivity: float | None = None


@dataclass(frozen=True, eq=False)
class Weights:
    """What each group suffers, and what that was seen on."""

    groups: Sequence[Weighed]
    looked_at: str


@dataclass(frozen=True)
class Limits:
    """What may be left: of the whole, of each group as a share, and of each group as a number."""

    goal: Goal | None
    share: float
    at_least: int


@dataclass(frozen=True, eq=False)
class Shared:
    """How a budget was shared out, group by group."""

    name: str
    before: float
    goal: float
    counts: list[tuple[ChannelGroup, Count]]
    why: tuple[str, ...]
    sensitivity: tuple[float | None, ...]
    looked_at: str


def allocate(  # noqa: PLR0913, PLR0917 - a network, its costs, and what is allowed
    program: ProgramView,
    channels: Channels,
    model: CostModel,
    bounds: Sequence[Bounds],
    weights: Weights | None,
    limits: Limits,
) -> Shared:
    """Choose how many units of each group stay, so that the goal is met and one step less would miss it.

    Without a goal it is the parameters that the local scope would leave. Without weights (on the lint path) all groups
    shrink alike, which meets the same goal with other widths. Raises CompressError when the goal is out of reach.
    """
    goal = limits.goal
    name, amount = next(iter(goal.stated.items())) if goal is not None else ("parameters", None)
    ledger = measure(name, program, channels, tuple(bound.group for bound in bounds), model)
    before = ledger.total(ledger.widths.most)
    local = np.array([bound.count.kept for bound in bounds], dtype=np.int64)
    wanted = ledger.total(local) if amount is None else limit(amount, before)
    choices = [_choice(bound, limits, None if weights is None else weights.groups[n]) for n, bound in enumerate(bounds)]
    for number, choice in enumerate(choices):
        ledger.take(number, bounds[number].group.units.size - choice.start)
    start = ledger.widths.units.copy()
    taken = steps(ledger, choices, evenly if weights is None else per_saving)
    units = first_within(ledger, start, taken, wanted)
    if units is None:
        raise CompressError(_out_of_reach(name, wanted, ledger.total(ledger.widths.units)))
    ends = ledger.widths.units.tolist()
    stays = [Count(stay, stay) for stay in units.tolist()]
    return Shared(
        name,
        before,
        wanted,
        [(bound.group, bound.count if bound.is_fixed else stay) for bound, stay in zip(bounds, stays, strict=True)],
        tuple(map(_why, choices, bounds, units.tolist(), ends)),
        tuple(group.sensitivity for group in weights.groups) if weights is not None else (None,) * len(bounds),
        "nothing: lint shrinks all layers alike" if weights is None else weights.looked_at,
    )


def _choice(bound: Bounds, limits: Limits, weighed: Weighed | None) -> Choice:
    """Say what may happen to a group. Without a goal of its own, the level itself may always be reached."""
    n, stays = bound.group.units.size, bound.count.kept
    damage = np.arange(n) / n if weighed is None else weighed.damage
    if bound.is_fixed:
        return Choice(stays, stays, bound.step, damage)
    least = min(n, max(limits.at_least, 1, math.ceil(round(limits.share * n, 9))))
    return Choice(n, least if limits.goal is not None else min(least, stays), bound.step, damage)


def _why(choice: Choice, bound: Bounds, stay: int, end: int) -> str:
    """Say what decided how many units of a group stay; `end` is where the last step of all would have left it."""
    if bound.is_fixed:
        return "a level of its own"
    if choice.after(stay) is None:
        return "no fewer are allowed" if stay < choice.start else "too narrow for a step"
    return "fewer would save nothing" if stay == end else "the budget"


def _out_of_reach(name: str, wanted: float, lowest: float) -> Diagnostic:
    """Say how far the goal is, and how far one can go."""
    asked = MEASURES[name].format(wanted) if wanted >= 1 or name == "predicted_ms" else f"{wanted:g} {name}"
    said = f"the goal of {asked} is out of reach: the lowest is {MEASURES[name].format(lowest)}"
    advice = "raise the goal or `max_level`, lower `channel_multiple` or `min_channels`, or let more layers take part"
    if wanted < 1 and name != "predicted_ms":
        advice = f"write `{name}: {wanted:g}x` for that part of what there is; a bare number counts {name}"
    return Diagnostic(GOAL_OUT_OF_REACH, said, advice)
