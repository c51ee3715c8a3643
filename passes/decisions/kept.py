"""The decision of `level-prune`, and how a ranking comes to it."""

import numpy as np

from compiler.analysis.allocation.allocate import Allocation
from compiler.analysis.allocation.counts import Count, rounded_layers
from compiler.analysis.channels import ChannelGroup, Channels, kept_filters
from compiler.analysis.criteria import ClusterRanking, Ranking, SeenImage
from compiler.contracts import Decision


class Kept(Decision):
    """Which filters of which layers stay."""

    kept: dict[str, tuple[int, ...]]
    """Layer name to filter indices, ascending; layers that lose none are not listed."""
    shortfall: dict[str, int] = {}
    """For the cluster criterion: layers in which so many clusters were missing, their filters being alike."""
    rounded: dict[str, tuple[int, int]] = {}
    """Layer name to the number of filters that the level asked for, and the multiple of channels that stays."""
    clusters: dict[str, tuple[int, ...]] = {}
    """For the cluster criterion: the cluster of each filter, -1 for one that had to stay, by layer as `kept`."""
    images: tuple[SeenImage, ...] = ()
    """For the cluster criterion: the images that it looked at."""
    absorbed: dict[str, tuple[float, ...]] = {}
    """For `removed`: what the bias of each reader gains, filter by filter of those that it keeps."""
    merged: dict[str, tuple[float, ...]] = {}
    """For `removed: merge`: of each channel that a reader loses, how much of its weights another channel takes over."""
    allocation: Allocation | None = None
    """For the global scope: the goal, what was reached, and what each layer got."""

    def filters_left(self) -> dict[str, tuple[int, ...]]:
        """Tell which filters stay."""
        return self.kept


def keep(channels: Channels, ranking: Ranking, counts: list[tuple[ChannelGroup, Count]]) -> Kept:
    """Let the criterion choose units, and name the filters that stay, for each layer that loses any."""
    gone = np.zeros(channels.labels.size, dtype=bool)
    for group, count in counts:
        gone[group.units] = True
        gone[ranking.keep(channels, group, count.kept)] = False
    kept = kept_filters(channels, gone)
    rounded = rounded_layers(channels, counts, kept)
    if not isinstance(ranking, ClusterRanking):
        return Kept(kept=kept, rounded=rounded)
    clusters, images = ranking.groups(channels, kept), ranking.images
    return Kept(kept=kept, shortfall=dict(ranking.shortfall), rounded=rounded, clusters=clusters, images=images)
