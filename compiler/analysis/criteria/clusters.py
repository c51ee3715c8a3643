"""Group filters by their feature maps' statistics and keep one of each group: the heart of the cluster criterion."""

import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESTARTS, ITERATIONS = 10, 300

_ALIKE = 1e-6
"""Filters are alike when their statistics differ by less than this part of the largest; a runtime rounds that much."""

_ROUNDING = 1e-12
"""A column that varies by less than this part of its largest value is constant but for rounding."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """Which filters stay, which group each belongs to, and how many groups could not be formed."""

    kept: NDArray[np.int64]
    """Indices, ascending."""
    groups: NDArray[np.int64]
    shortfall: int
    """Groups fewer than asked for, because filters were alike; their places are filled by rank."""


def keep_one_of_each(features: Floats, rank: NDArray[np.int64], keep: int, seed: int) -> Clustering:
    """Cluster n filters into `keep` groups with k-means++ and keep the best-ranked filter of each.

    `features` has shape [n, f]; `rank[i]` is filter i's place in the order of importance, 0 the best. Where fewer
    than `keep` distinct points exist, each is a group and the free places go to the best-ranked others.
    """
    if keep >= len(features):
        return Clustering(np.arange(len(features)), np.arange(len(features)), 0)
    largest = np.abs(features).max(axis=0)
    points = np.round(features / (np.where(largest > 0, largest, 1.0) * _ALIKE))
    points, inverse = np.unique(points, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    groups = inverse if len(points) <= keep else _k_means(features, keep, seed)
    best = np.full(int(groups.max()) + 1, len(features), dtype=np.int64)
    np.minimum.at(best, groups, rank)
    by_rank = np.argsort(rank)
    kept = by_rank[best[best < len(features)]]
    shortfall = keep - len(kept)
    if shortfall:
        others = by_rank[~np.isin(by_rank, kept)]
        kept = np.concatenate([kept, others[:shortfall]])
    return Clustering(np.sort(kept), groups.astype(np.int64), shortfall)


def standardised(features: Floats) -> Floats:
    """Subtract each column's mean and divide by its standard deviation; a constant column becomes zero."""
    spread = features.std(axis=0)
    varies = spread > _ROUNDING * np.abs(features).max(axis=0)
    return np.where(varies, (features - features.mean(axis=0)) / np.where(varies, spread, 1.0), 0.0)


def importance_order(object_variance: Floats, contrast: Floats, magnitude: Floats) -> NDArray[np.int64]:
    """Rank filters: the larger variance on objects first, then contrast, then L1 norm, then the lower index."""
    order = np.lexsort((np.arange(len(object_variance)), -magnitude, -contrast, -object_variance))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _k_means(features: Floats, keep: int, seed: int) -> NDArray[np.int64]:
    """Run scikit-learn's k-means with k-means++ starts and return each filter's group."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    kind = cast(Any, KMeans)  # its stubs take n_init for text
    model = kind(keep, init="k-means++", n_init=RESTARTS, max_iter=ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer groups than asked for: counted as shortfall
        return np.asarray(model.fit_predict(features), dtype=np.int64)
