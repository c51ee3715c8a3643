"""Boxes on feature maps, and statistics over them."""

import numpy as np

from compiler.analysis.feature_maps import block_output, region_sums
from compiler.analysis.regions import Scene, centre_and_border, object_and_background
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
    objects, rest = object_and_background(scene((1.9, 0.1, 4.1, 2.0)), 8, 8)
    expected = np.zeros((8, 8), bool)
    expected[0:2, 1:5] = True
    assert np.array_equal(objects, expected)
    assert np.array_equal(rest, ~expected)


def test_a_small_box_covers_at_least_one_cell_of_a_coarse_map() -> None:
    objects, _ = object_and_background(scene((3.0, 3.0, 3.0, 3.0)), 2, 2)
    assert objects.sum() == 1


def test_letterbox_padding_is_neither_object_nor_background() -> None:
    objects, rest = object_and_background(scene((0, 0, 8, 8), content=(0, 2, 8, 6)), 8, 8)
    assert objects[:2].sum() == objects[6:].sum() == 0
    assert objects[2:6].all()
    assert not rest.any()


def test_a_box_outside_the_image_covers_nothing() -> None:
    objects, rest = object_and_background(scene((-5, -5, -2, -2), (20, 20, 30, 30)), 4, 4)
    assert not objects.any()
    assert rest.all()


def test_without_boxes_the_middle_stands_against_the_border() -> None:
    middle, border = centre_and_border(scene(), 8, 8)
    assert middle[2:6, 2:6].all()
    assert middle.sum() == 16
    assert border.sum() == 48


def test_a_layer_is_seen_behind_its_normalisation_and_its_two_node_activation() -> None:
    assert block_output(parse_program(NETWORK), "conv") == "d"
    assert block_output(parse_program(NETWORK), "head") == "y"


def test_statistics_pool_pixels_over_all_images() -> None:
    program = parse_program(NETWORK)
    scenes = [scene((0, 0, 3, 5)), scene((4, 4, 8, 8), (0, 0, 1, 1), seed=1)]
    found = region_sums(program, ["a"], scenes, object_and_background)["a"].features
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
        objects, rest = object_and_background(item, 8, 8)
        inside.append(maps[:, objects.ravel()])
        outside.append(maps[:, rest.ravel()])
    one, other = np.concatenate(inside, axis=1), np.concatenate(outside, axis=1)
    expected = np.stack([one.mean(1), one.var(1), other.mean(1), other.var(1)], axis=1)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_empty_region_counts_as_zero() -> None:
    found = region_sums(parse_program(NETWORK), ["a"], [scene((0, 0, 8, 8))], object_and_background)["a"].features
    assert not found[:, 2:].any()
    assert found[:, 1].all()
