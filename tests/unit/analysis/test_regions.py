"""Boxes on feature maps, and statistics over them."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from compiler.analysis.feature_maps import Seen, block_output, region_sums
from compiler.analysis.regions import Scene, by_area, by_cells, middle_as_object
from compiler.ir import parse_program

NETWORK = """
g (float[1,3,8,8] x) => (float[1,4,8,8] y)
   <float[4,3,3,3] w, float[4] s, float[4] t, float[4] m, float[4] v, float[4,4,1,1] u>
{
   [conv] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
   [norm] b = BatchNormalization (a, s, t, m, v)
   [gate] c = Sigmoid (b)
   [swish] d = Mul (b, c)
   [head] y = Conv (d, u)
}
"""


def scene(*boxes: tuple[float, ...], content: tuple[float, ...] = (0, 0, 8, 8), seed: int = 0) -> Scene:
    x = np.random.default_rng(seed).normal(size=(1, 3, 8, 8)).astype(np.float32)
    return Scene({"x": x}, np.array(boxes, np.float64).reshape(-1, 4), np.array(content, np.float64), (8, 8))


def test_a_box_covers_every_cell_that_it_touches() -> None:
    objects, rest = by_cells(scene((1.9, 0.1, 4.1, 2.0)), 8, 8)
    expected = np.zeros((8, 8))
    expected[0:2, 1:5] = True
    assert np.array_equal(objects, expected)
    assert np.array_equal(rest, 1 - expected)


def test_a_small_box_covers_at_least_one_cell_of_a_coarse_map() -> None:
    objects, _ = by_cells(scene((3.0, 3.0, 3.0, 3.0)), 2, 2)
    assert objects.sum() == 1


def test_letterbox_padding_is_neither_object_nor_background() -> None:
    objects, rest = by_cells(scene((0, 0, 8, 8), content=(0, 2, 8, 6)), 8, 8)
    assert objects[:2].sum() == objects[6:].sum() == 0
    assert objects[2:6].all()
    assert not rest.any()


def test_a_box_outside_the_image_covers_nothing() -> None:
    objects, rest = by_cells(scene((-5, -5, -2, -2), (20, 20, 30, 30)), 4, 4)
    assert not objects.any()
    assert rest.all()


def test_without_boxes_the_middle_stands_against_the_border() -> None:
    middle, border = by_cells(middle_as_object(scene()), 8, 8)
    assert middle[2:6, 2:6].all()
    assert middle.sum() == 16
    assert border.sum() == 48


def test_cells_of_ignored_boxes_are_neither_object_nor_background() -> None:
    crowded = replace(scene((0, 0, 4, 4)), ignored=np.array([[2.0, 2.0, 8.0, 8.0]]))
    objects, rest = by_cells(crowded, 8, 8)
    assert objects.sum() == 16 - 4
    assert rest.sum() == 64 - 36 - 12
    assert not (objects + rest)[2:, 2:].any()


def test_a_box_in_the_last_cell_of_the_photograph_is_not_lost_to_the_padding() -> None:
    objects, _ = by_cells(scene((3, 5.1, 4, 5.3), content=(0, 2, 8, 5.4)), 4, 4)
    assert objects.sum() == 1


def test_a_photograph_thinner_than_a_cell_still_has_cells() -> None:
    objects, rest = by_cells(scene((0, 4, 2, 4.2), content=(0, 4, 8, 4.3)), 2, 2)
    assert (objects + rest).sum() == 2


def test_by_area_a_cell_counts_as_far_as_it_is_covered() -> None:
    crowded = replace(scene((0.5, 0, 2, 1), (1, 0, 2.25, 1), content=(0, 0, 8, 6)), ignored=np.array([[2.0, 0, 8, 1]]))
    objects, rest = by_area(crowded, 8, 8)
    assert objects[0].tolist() == [0.5, 1, 0, 0, 0, 0, 0, 0]
    assert rest[0].tolist() == [0.5, 0, 0, 0, 0, 0, 0, 0]
    assert rest[1:6].all()
    assert not rest[6:].any()


def test_by_area_the_weights_add_up_to_the_areas_of_overlapping_boxes() -> None:
    rng = np.random.default_rng(4)
    corners = rng.uniform(-2, 10, (30, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)[:5]
    fine = [by_area(scene(*map(tuple, boxes.tolist())), size, size) for size in (3, 7, 16)]
    assert [objects.sum() / objects.size for objects, _ in fine] == pytest.approx([fine[0][0].mean()] * 3)
    assert all(np.allclose(objects + rest, 1) for objects, rest in fine)


def test_the_tensor_before_the_activation_and_the_one_behind_the_normalisation_can_be_asked_for() -> None:
    assert block_output(parse_program(NETWORK), "conv", "pre-activation") == "b"
    assert block_output(parse_program(NETWORK), "conv", "post-batchnorm") == "b"
    late = """
    g (float[1,3,8,8] x) => (float[1,4,8,8] y)
       <float[4,3,1,1] w, float[4] s, float[4] t, float[4] m, float[4] v>
    {
       [conv] a = Conv (x, w)
       [act] b = Relu (a)
       [norm] c = BatchNormalization (b, s, t, m, v)
       [after] y = Relu (c)
    }
    """
    found = [block_output(parse_program(late), "conv", seen) for seen in get_args(Seen)]
    assert found == ["b", "a", "c"]


def test_mish_written_as_three_nodes_is_an_activation() -> None:
    mish = NETWORK.replace("[gate] c = Sigmoid (b)", "[soft] e = Softplus (b)\n   [gate] c = Tanh (e)")
    assert block_output(parse_program(mish), "conv") == "d"


def test_a_layer_is_seen_behind_its_normalisation_and_its_two_node_activation() -> None:
    assert block_output(parse_program(NETWORK), "conv") == "d"
    assert block_output(parse_program(NETWORK), "head") == "y"


def test_statistics_pool_pixels_over_all_images() -> None:
    program = parse_program(NETWORK)
    scenes = [scene((0, 0, 3, 5)), scene((4, 4, 8, 8), (0, 0, 1, 1), seed=1)]
    found = region_sums(program, ["a"], scenes, by_cells)["a"].features
    weight = program.const("w")
    assert weight is not None
    inside: list[np.ndarray] = []
    outside: list[np.ndarray] = []
    for item in scenes:
        padded = np.pad(item.feeds["x"][0], ((0, 0), (1, 1), (1, 1)))
        maps = np.stack(
            [
                [(padded[:, i : i + 3, j : j + 3] * kernel).sum() for i in range(8) for j in range(8)]
                for kernel in weight
            ]
        )
        objects, rest = by_cells(item, 8, 8)
        inside.append(maps[:, objects.ravel() > 0])
        outside.append(maps[:, rest.ravel() > 0])
    one, other = np.concatenate(inside, axis=1), np.concatenate(outside, axis=1)
    expected = np.stack([one.mean(1), one.var(1), other.mean(1), other.var(1)], axis=1)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_empty_region_counts_as_zero() -> None:
    found = region_sums(parse_program(NETWORK), ["a"], [scene((0, 0, 8, 8))], by_cells)["a"].features
    assert not found[:, 2:].any()
    assert found[:, 1].all()


def test_a_constant_map_has_no_variance_and_a_large_mean_costs_no_digits() -> None:
    program = parse_program("""
    g (float[1,2,8,8] x) => (float[1,2,8,8] y)
       <float[2,2,1,1] w = {1, 0, 0, 1}>
    {
       [conv] y = Conv (x, w)
    }
    """)
    noise = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    x = np.stack([np.full((8, 8), 0.1, np.float32), 30_000 + noise])[None]
    seen = replace(scene((1, 1, 5, 6)), feeds={"x": x})
    found = region_sums(program, ["y"], [seen, seen], by_cells)["y"].features
    assert found[0, 1] == found[0, 3] == 0
    assert found[1, 1] == pytest.approx(x[0, 1, 1:6, 1:5].astype(np.float64).var(), rel=1e-12)
