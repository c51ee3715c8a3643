"""Pruning criteria: which filters of a group matter most. One file each."""

from typing import Literal, TypeAlias

from compiler.analysis.criteria.choose import no_scenes, rank
from compiler.analysis.criteria.cluster import (
    ClusterRanking,
    Look,
    SeenImage,
    choose_scenes,
    map_features,
    rank_by_clusters,
)
from compiler.analysis.criteria.cluster_options import ClusterOptions
from compiler.analysis.criteria.cluster_pictures import check_pictures, cluster_pictures
from compiler.analysis.criteria.ranking import FirstRanking, Ranking, ScoreRanking, rank_by_scores

CriterionName: TypeAlias = Literal["l1", "l2", "batchnorm-scale", "geometric-median", "random", "cluster"]

__all__ = [
    "ClusterOptions",
    "ClusterRanking",
    "CriterionName",
    "FirstRanking",
    "Look",
    "Ranking",
    "ScoreRanking",
    "SeenImage",
    "check_pictures",
    "choose_scenes",
    "cluster_pictures",
    "map_features",
    "no_scenes",
    "rank",
    "rank_by_clusters",
    "rank_by_scores",
]
