"""The cluster criterion on whole networks: which images it takes, what it records, what it refuses."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.analysis.channels import find_channels
from compiler.analysis.criteria import ClusterOptions, ClusterRanking, check_pictures, rank_by_clusters
from compiler.analysis.regions import Scene
from compiler.diagnostic import CompressError
from compiler.ir import Program, parse_program

NETWORK = """
g (float[1,3,8,8] x) => (float[1,2,8,8] y)
   <float[6,3,1,1] w, float[2,6,1,1] u>
{
   [conv] a = Conv (x, w)
   [act] b = Relu (a)
   [head] y = Conv (b, u)
}
"""


def network(weight: np.ndarray | None = None) -> Program:
    program = parse_program(NETWORK)
    rng = np.random.default_rng(1)
    value = rng.normal(size=(6, 3, 1, 1)) if weight is None else weight
    program.replace_constant("w", value.astype(np.float32))
    program.replace_constant("u", rng.normal(size=(2, 6, 1, 1)).astype(np.float32))
    return program


def scenes(*counts: int) -> Iterator[Scene]:
    rng = np.random.default_rng(2)
    for index, count in enumerate(counts):
        boxes = np.tile([1.0, 1.0, 5.0, 5.0], (count, 1))
        x = rng.normal(size=(1, 3, 8, 8)).astype(np.float32)
        yield Scene({"x": x}, boxes, np.array([0, 0, 8.0, 8.0]), (8, 8), name=f"{index}.jpg", index=index)


def rank(program: Program, images: Iterator[Scene], **options: object) -> ClusterRanking | None:
    return rank_by_clusters(program, find_channels(program), images, ClusterOptions.model_validate(options), 0)


def test_images_without_boxes_are_passed_over_and_the_others_recorded() -> None:
    found = rank(network(), scenes(0, 2, 0, 1))
    assert found is not None
    assert [(image.name, image.index, image.boxes) for image in found.images] == [("1.jpg", 1, 2), ("3.jpg", 3, 1)]


def test_the_paper_looks_at_one_image_and_no_more() -> None:
    found = rank(network(), scenes(0, 3, 2), preset="paper")
    assert found is not None
    assert [image.name for image in found.images] == ["1.jpg"]
    with pytest.raises(ValidationError, match="looks at 1 image"):
        ClusterOptions(preset="paper", images=4)


def test_an_image_whose_boxes_lie_outside_of_it_counts_as_one_without() -> None:
    outside = [replace(scene, boxes=scene.boxes + 20) for scene in scenes(1)]
    assert rank(network(), iter(outside)) is None


def test_equal_filters_share_a_cluster_and_the_shortfall_is_told() -> None:
    program = network(np.repeat(np.random.default_rng(3).normal(size=(2, 3, 1, 1)), 3, axis=0))
    channels = find_channels(program)
    found = rank(program, scenes(1, 1))
    assert found is not None
    kept = found.keep(channels, channels.groups[0], 4)
    assert kept.size == 4
    assert found.shortfall == {"conv": 2}
    groups = found.groups(channels, ["conv"])["conv"]
    assert groups[0] == groups[1] == groups[2] != groups[3] == groups[4] == groups[5]


def test_values_that_are_not_finite_are_refused_with_the_layer() -> None:
    with pytest.raises(CompressError) as caught:
        rank(network(np.full((6, 3, 1, 1), np.nan)), scenes(1))
    assert caught.value.diagnostics[0].code.id == "P025"
    assert "conv" in caught.value.diagnostics[0].message


def test_a_seed_gives_the_same_filters_whatever_was_ranked_before() -> None:
    program = network()
    channels = find_channels(program)
    one, other = rank(program, scenes(1)), rank(program, scenes(1))
    assert one is not None
    assert other is not None
    other.keep(channels, channels.groups[0], 5)
    assert np.array_equal(one.keep(channels, channels.groups[0], 3), other.keep(channels, channels.groups[0], 3))


def test_pictures_of_unknown_layers_or_of_too_many_are_refused() -> None:
    program = parse_program(
        "g (float[1,3,8,8] x) => (float[1,3,8,8] y) <float[3,3,1,1] w> {[c0] t0 = Conv (x, w)"
        + "".join(f"[c{i}] t{i} = Conv (t{i - 1}, w)" for i in range(1, 9))
        + "[end] y = Relu (t8)}"
    )
    found = list(check_pictures(program, ClusterOptions(pictures=("c[0-9]", "cc"))))
    assert [item.code.id for item in found] == ["P001", "P027"]
    assert "9 layers, more than the 8" in found[1].message
    assert not list(check_pictures(program, ClusterOptions(pictures=("c[1-8]",))))
