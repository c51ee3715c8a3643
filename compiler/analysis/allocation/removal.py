"""What taking units from a group costs it, one after the other, as a share of all that its units hold.

Shares make groups comparable: each group's costs add up to 1, and no unit costs less than the one before.
"""

import numpy as np

from compiler.analysis.allocation.widths import Floats
from compiler.analysis.channels import ChannelGroup, Channels
from compiler.analysis.criteria import ClusterRanking, Ranking, ScoreRanking
from compiler.analysis.criteria.clusters import standardised


def removal_costs(ranking: Ranking, channels: Channels, group: ChannelGroup) -> Floats:
    """Cost each loss of a unit, from all n down to one: n - 1 shares that do not fall.

    By score, the units' scores from the lowest. By clusters, Ward's method merges the standardised statistics from n
    clusters to one, and the merge that leaves k costs by how much it raises the sum of squares within clusters.
    Where there is nothing to tell units apart by, all cost the same.
    """
    n = group.units.size
    found = np.zeros(0)
    if isinstance(ranking, ClusterRanking):
        found = _merges(standardised(ranking.statistics(channels, group)))
    if found.sum() <= 0 and isinstance(ranking, ClusterRanking | ScoreRanking):
        scores = ranking.scores if isinstance(ranking, ScoreRanking) else ranking.magnitude
        found = np.sort(np.maximum(channels.scores(group, scores), 0.0))[: n - 1]
    total = found.sum()
    return found / total if np.isfinite(total) and total > 0 else np.full(n - 1, 1 / max(1, n - 1))


def _merges(points: Floats) -> Floats:
    """Raise of the sum of squares by each of Ward's merges: half the squared height. Quadratic in points."""
    if points.shape[0] < 2 or not points.size or not np.isfinite(points).all():
        return np.zeros(0)
    from scipy.cluster.hierarchy import linkage  # pyright: ignore[reportUnknownVariableType] - scipy types it in part

    heights = np.asarray(linkage(points, "ward"), dtype=np.float64)[:, 2]
    return np.sort(np.square(heights) / 2)
