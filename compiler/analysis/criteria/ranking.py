"""What a criterion gives a pruning pass: for each group, the units that should stay."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import ChannelGroup, Channels, Ids
from compiler.analysis.criteria.batchnorm_scale import batchnorm_scale
from compiler.analysis.criteria.geometric_median import geometric_median
from compiler.analysis.criteria.l1 import l1
from compiler.analysis.criteria.l2 import l2
from compiler.ir import Array, ProgramView

Floats = NDArray[np.float64]

_BY_WEIGHT: dict[str, Callable[[Array, int], Floats]] = {"l1": l1, "l2": l2, "geometric-median": geometric_median}


class Ranking(Protocol):
    """Chooses which units of a group stay."""

    def keep(self, channels: Channels, group: ChannelGroup, count: int) -> Ids:
        """Name `count` units of the group, in any order."""
        ...


@dataclass(frozen=True)
class FirstRanking:
    """Keeps the first units: the stand-in for lint, which knows how many stay but not which."""

    def keep(self, channels: Channels, group: ChannelGroup, count: int) -> Ids:
        """Take the lowest labels."""
        del channels
        return group.units[:count]


@dataclass(frozen=True)
class ScoreRanking:
    """Keeps the units with the highest score, a unit's score being the sum over its member filters'."""

    scores: dict[str, Floats]
    """One score per filter of each layer."""

    def keep(self, channels: Channels, group: ChannelGroup, count: int) -> Ids:
        """Sort by falling score; equal scores keep the lower index."""
        order = np.argsort(-channels.scores(group, self.scores), kind="stable")
        return group.units[order[:count]]


def rank_by_scores(
    criterion: str, program: ProgramView, channels: Channels, rng: np.random.Generator
) -> ScoreRanking | str:
    """Score every filter of every layer; or name a layer that the criterion has nothing to say about."""
    scores: dict[str, Floats] = {}
    for layer, use in channels.filters.items():
        if criterion == "random":
            scores[layer] = rng.random(use.ids.size)
            continue
        if criterion == "batchnorm-scale":
            scale = batchnorm_scale(program, layer)
            if scale is not None:
                scores[layer] = scale
            continue
        weight = program.const(program.op(layer).input(use.slot))
        assert weight is not None
        scores[layer] = _BY_WEIGHT[criterion](weight, use.axis)
    silent = [layer for group in channels.groups if not set(group.layers) & set(scores) for layer in group.layers]
    if silent:
        return silent[0]
    zeros = {layer: np.zeros(use.ids.size) for layer, use in channels.filters.items() if layer not in scores}
    return ScoreRanking(scores | zeros)
