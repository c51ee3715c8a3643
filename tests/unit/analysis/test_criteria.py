"""Criteria: what each says of filters, and how clustering treats awkward ones."""

import numpy as np
import pytest

from compiler.analysis.channels import find_channels
from compiler.analysis.criteria import FirstRanking, ScoreRanking, rank_by_scores
from compiler.analysis.criteria.clusters import importance_order, keep_one_of_each, standardised
from compiler.analysis.criteria.geometric_median import geometric_median
from compiler.analysis.criteria.l1 import l1
from compiler.analysis.criteria.l2 import l2
from compiler.diagnostic import CompressError
from compiler.ir import parse_program
from tests.support.steps import apply

RNG = np.random.default_rng(3)
NETWORK = """
g (float[1,3,4,4] x) => (float[1,2,4,4] y)
   <float[8,3,1,1] w, float[8] s, float[8] t, float[8] m, float[8] v, float[2,8,1,1] u>
{
   [conv] a = Conv (x, w)
   [norm] b = BatchNormalization (a, s, t, m, v)
   [head] y = Conv (b, u)
}
"""


@pytest.mark.parametrize("axis", [0, 1])
def test_norms_and_median_distances_agree_with_loops(axis: int) -> None:
    weight = RNG.normal(size=(5, 4, 3, 3)).astype(np.float32)
    rows = [row.astype(np.float64) for row in np.moveaxis(weight, axis, 0)]
    assert np.allclose(l1(weight, axis), [np.abs(row).sum() for row in rows])
    assert np.allclose(l2(weight, axis), [np.linalg.norm(row) for row in rows])
    distances = [sum(float(np.linalg.norm(row - other)) for other in rows) for row in rows]
    assert np.allclose(geometric_median(weight, axis), distances, atol=1e-6)


def test_batchnorm_scale_reads_the_normalisation_behind_the_layer() -> None:
    program = parse_program(NETWORK)
    found = rank_by_scores("batchnorm-scale", program, find_channels(program), RNG)
    assert isinstance(found, ScoreRanking)
    scale = program.const("s")
    assert scale is not None
    assert np.allclose(found.scores["conv"], np.abs(scale))


def test_batchnorm_scale_names_a_layer_that_it_cannot_judge() -> None:
    program = parse_program(NETWORK.replace("BatchNormalization (a, s, t, m, v)", "Relu (a)"))
    assert rank_by_scores("batchnorm-scale", program, find_channels(program), RNG) == "conv"


@pytest.mark.parametrize("is_stand_in", [True, False])
def test_layers_that_a_recipe_leaves_alone_need_no_normalisation(is_stand_in: bool) -> None:  # noqa: FBT001 - a parameter
    bare = NETWORK.replace("BatchNormalization (a, s, t, m, v)", "Relu (a)")
    options = {"level": 0.5, "criterion": "batchnorm-scale"}
    with pytest.raises(CompressError, match="conv has none"):
        apply("level-prune", parse_program(bare), options, is_stand_in=is_stand_in)
    apply("level-prune", parse_program(bare), {**options, "skip": ["conv"]}, is_stand_in=is_stand_in)


def test_lint_keeps_as_many_units_as_a_build() -> None:
    program = parse_program(NETWORK)
    channels = find_channels(program)
    group = channels.groups[0]
    ranking = rank_by_scores("l1", program, channels, RNG)
    assert isinstance(ranking, ScoreRanking)
    assert ranking.keep(channels, group, 3).size == FirstRanking().keep(channels, group, 3).size == 3


def test_clusters_that_are_far_apart_keep_their_best_filter_each() -> None:
    centres = np.array([[0, 0, 0, 0], [100, 0, 0, 0], [0, 100, 0, 0]], np.float64)
    features = np.concatenate([centre + RNG.normal(size=(6, 4)) for centre in centres])
    rank = importance_order(features[:, 1], np.abs(features[:, 0] - features[:, 2]), np.ones(18))
    found = keep_one_of_each(features, rank, 3, seed=0)
    assert found.shortfall == 0
    expected = [start + int(np.argmax(features[start : start + 6, 1])) for start in (0, 6, 12)]
    assert found.kept.tolist() == expected


def test_filters_that_are_all_alike_still_leave_exactly_as_many_as_asked_for() -> None:
    features = np.ones((32, 4))
    rank = importance_order(features[:, 1], features[:, 0], np.arange(32.0))
    found = keep_one_of_each(features, rank, 6, seed=0)
    assert found.shortfall == 5
    assert found.kept.tolist() == [26, 27, 28, 29, 30, 31]


def test_four_different_filters_and_six_places_are_filled_by_rank() -> None:
    features = np.repeat(np.diag([1.0, 2.0, 3.0, 4.0]), 3, axis=0)
    rank = importance_order(features[:, 1], features[:, 0], np.arange(12.0))
    found = keep_one_of_each(features, rank, 6, seed=0)
    assert (found.kept.size, found.shortfall) == (6, 2)
    assert {index // 3 for index in found.kept.tolist()} == {0, 1, 2, 3}


def test_the_same_seed_finds_the_same_filters() -> None:
    features = RNG.gamma(1, 1, (64, 4))
    rank = importance_order(features[:, 1], features[:, 0], features[:, 2])
    one, other = (keep_one_of_each(features, rank, 20, seed=5).kept for _ in range(2))
    assert np.array_equal(one, other)


def test_equal_variance_is_decided_by_contrast_then_weight_then_index() -> None:
    rank = importance_order(np.array([1.0, 1, 1, 1, 2]), np.array([0.0, 5, 0, 0, 0]), np.array([1.0, 1, 3, 1, 1]))
    assert np.argsort(rank).tolist() == [4, 1, 2, 0, 3]


def test_a_constant_feature_counts_for_nothing() -> None:
    found = standardised(np.array([[1.0, 7.0], [3.0, 7.0]]))
    assert found.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
