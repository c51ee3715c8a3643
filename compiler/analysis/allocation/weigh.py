"""What each group suffers when its units go: its own loss, weighed by how much the outputs listen to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from compiler.analysis.allocation.allocate import Weighed
from compiler.analysis.allocation.removal import removal_costs
from compiler.analysis.allocation.sensitivity import sensitivities
from compiler.analysis.allocation.widths import Floats
from compiler.analysis.channels import ChannelGroup, Channels
from compiler.analysis.criteria import ClusterRanking, Ranking
from compiler.ir import Array, ProgramView
from compiler.reference import random_feeds

Values = Mapping[str, Array]

_LEAST_LEFT = 1e-9
"""What is left at least, so that its logarithm exists."""
_LEAST_HALF = 0.01
"""Damage of half a group's units at least: units that all but repeat others must not make the rest look priceless."""


def samples_for(
    program: ProgramView, stream: Callable[[], Iterator[Values]] | None, count: int, rng: np.random.Generator
) -> tuple[list[Values], str]:
    """Take the first images of the calibration data, or random inputs where there are none, and say which."""
    if count == 0:
        return [], "nothing: all layers count alike"
    if stream is not None:
        found = list(islice(stream(), count))
        return found, f"{len(found)} calibration {'image' if len(found) == 1 else 'images'}"
    inputs = {name: (program.type(name).dtype, program.shape(name)) for name in program.inputs}
    known = {name: (dtype, shape) for name, (dtype, shape) in inputs.items() if dtype is not None and shape is not None}
    if len(known) < len(inputs):
        return [], "nothing: an input has no fixed shape"
    return [
        random_feeds(known, rng) for _ in range(count)
    ], f"{count} random inputs, as there are no calibration images"


def weigh(
    program: ProgramView,
    channels: Channels,
    groups: Sequence[ChannelGroup],
    ranking: Ranking,
    samples: Sequence[Values],
) -> list[Weighed]:
    """Turn each group's lost shares into damage; scaled by its sensitivity, if there are samples to measure that on."""
    lost = [np.concatenate([[0.0], np.cumsum(removal_costs(ranking, channels, group))]) for group in groups]
    if not samples:
        return [Weighed(damage(shares)) for shares in lost]
    if isinstance(ranking, ClusterRanking):  # it notes what it keeps, and halves are not kept
        ranking = replace(ranking, shortfall={}, clusters={}, gone=[], look=None)
    halves = [ranking.keep(channels, group, _half(group.units.size)) for group in groups]
    silenced = [np.setdiff1d(group.units, half) for group, half in zip(groups, halves, strict=True)]
    found = sensitivities(program, channels, groups, silenced, samples).tolist()
    return [Weighed(weight * _scaled(damage(shares)), weight) for shares, weight in zip(lost, found, strict=True)]


def damage(lost: Floats) -> Floats:
    """Turn lost shares D into -log(1 - D): each loss counts against what is left, not against what there was.

    Signals pass one layer after the other, so what is left of them multiplies. Without the logarithm a budget is met
    by emptying a few layers down to their least while the others stay whole.
    """
    return -np.log(np.maximum(1 - lost, _LEAST_LEFT))


def _scaled(curve: Floats) -> Floats:
    """Scale damage so that it is 1 where the sensitivity was measured: with half of the units silenced."""
    n = curve.size
    return curve / max(float(curve[n - _half(n)]), _LEAST_HALF)


def _half(n: int) -> int:
    """Count the units that are left when half are silenced."""
    return max(1, n // 2)
