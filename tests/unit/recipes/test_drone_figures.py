"""The drone recipe's drawn figures: repeatable, inside their pictures, and found by the network that is checked in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.data.source import DataSource
from compiler.frontends.data_factory import open_source
from compiler.frontends.source import load_source
from compiler.inputs import scorer
from compiler.recipe import load_recipe

FOLDER = Path(__file__).parents[3] / "recipes/drone-gesture"


def figure(split: str, number: int) -> Mapping[str, Any]:
    """Draw one figure as a build does."""
    source = DataSource(python=f"{FOLDER / 'drawing.py'}:figures", args={"split": split, "count": number + 1})
    record = open_source(source).fetch(number)
    return {"pixels": np.asarray(record.content), "objects": record.objects}


def test_the_same_number_draws_the_same_figure() -> None:
    first, again, other = figure("train", 3), figure("train", 3), figure("validation", 3)
    assert np.array_equal(first["pixels"], again["pixels"])
    assert np.array_equal(first["objects"].keypoints, again["objects"].keypoints)
    assert not np.array_equal(first["pixels"], other["pixels"])


@pytest.mark.parametrize("number", range(8))
def test_all_joints_lie_in_the_picture_and_in_their_box(number: int) -> None:
    objects = figure("train", number)["objects"]
    points, (x, y, width, height) = objects.keypoints[0, :, :2], objects.boxes[0]
    assert points.shape == (16, 2)
    assert points.min() >= 0 and points.max() <= 127
    assert np.allclose([points.min(0), points.max(0)], [(x, y), (x + width, y + height)])
    assert np.linalg.norm(points[8] - points[9]) > 5


def test_the_network_that_is_checked_in_finds_the_joints() -> None:
    loaded = load_recipe(FOLDER / "small.yaml", ("data.validation.args.count=30",))
    program = load_source(loaded).program
    score = scorer(loaded.recipe, program)
    assert score is not None
    assert score(program)["pckh"] > 0.6
