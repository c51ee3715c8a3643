"""Heat maps become points by the formula, and points count by their distance on the photograph."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from compiler.data.datasets import list_source
from compiler.data.evaluate import Evaluate
from compiler.data.keypoints import decode_heatmap
from compiler.data.metrics import evaluate_listing
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError

SETTINGS = Preprocess(size=(48, 64))
"""A photograph of 128 x 64 lies in it at half size, 8 rows down."""


def _slow_decode(maps: NDArray[np.float32], size: tuple[int, int]) -> list[tuple[float, float]]:
    """Follow the formula keypoint by keypoint."""
    points: list[tuple[float, float]] = []
    for plane in maps[0].tolist():
        rows, columns = len(plane), len(plane[0])
        cells = [(r, c) for r in range(rows) for c in range(columns)]
        row, column = max(cells, key=lambda cell: plane[cell[0]][cell[1]])
        x, y = float(column), float(row)
        if 0 < column < columns - 1:
            gap = plane[row][column + 1] - plane[row][column - 1]
            x += 0.25 * ((gap > 0) - (gap < 0))
        if 0 < row < rows - 1:
            gap = plane[row + 1][column] - plane[row - 1][column]
            y += 0.25 * ((gap > 0) - (gap < 0))
        points.append((x * size[1] / columns, y * size[0] / rows))
    return points


@pytest.mark.parametrize("seed", range(4))
def test_decode_agrees_with_the_formula_also_off_the_square(seed: int) -> None:
    maps = np.random.default_rng(seed).normal(size=(1, 40, 6, 5)).astype(np.float32)
    points, peaks = decode_heatmap(maps, (48, 80))
    np.testing.assert_allclose(points, _slow_decode(maps, (48, 80)))
    np.testing.assert_array_equal(peaks, maps[0].reshape(40, -1).max(axis=1))


def test_a_flat_or_undefined_map_points_at_the_first_cell() -> None:
    for value in (0.0, np.nan):
        points, _ = decode_heatmap(np.full((1, 2, 4, 4), value), (16, 16))
        assert points.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("shape", [(1, 4), (2, 3, 4, 4), (1, 3, 0, 4)])
def test_other_shapes_are_no_heat_maps(shape: tuple[int, ...]) -> None:
    with pytest.raises(CompressError, match="R125"):
        decode_heatmap(np.zeros(shape), (16, 16))


TRUE = [[10.0, 20.0, 2], [30.0, 20.0, 2], [60.0, 40.0, 1], [0, 0, 0]]


def _source(folder: Path, points: Sequence[Sequence[float]] = TRUE, people: int = 1) -> DataSource:
    Image.new("RGB", (128, 64)).save(folder / "a.png")
    flat = [value for point in points for value in point]
    labels = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 40], "keypoints": flat}] * people,
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    return DataSource(images=folder, coco=folder / "labels.json")


def _pck(source: DataSource, off: Mapping[int, float], **options: Any) -> dict[str, float]:
    """Evaluate a network that knows the truth, but puts some keypoints so many photograph pixels to the right."""
    on_input = [[(x + off.get(place, 0)) / 2, y / 2 + 8, 1.0] for place, (x, y, _) in enumerate(TRUE)]
    settings = Evaluate.model_validate({"metric": "pck", "decode": "points"} | options)
    outputs = {"points": np.array([on_input], np.float32)}
    return evaluate_listing(lambda _: outputs, list_source(source), SETTINGS, settings)


def test_points_are_measured_on_the_photograph_by_the_longer_side_of_the_box(tmp_path: Path) -> None:
    source = _source(tmp_path)
    assert _pck(source, {}) == {"pck": 1.0}
    # 0.2 of 50 pixels is 10; the unlabelled fourth keypoint counts for nothing.
    assert _pck(source, {0: 10.0, 1: 10.1, 3: 99.0}) == {"pck": pytest.approx(2 / 3)}
    assert _pck(source, {0: 10.0, 1: 10.1}, threshold=0.1) == {"pck": pytest.approx(1 / 3)}


def test_the_torso_and_the_head_are_the_distance_of_two_keypoints(tmp_path: Path) -> None:
    # Keypoints 0 and 1 are 20 pixels apart: 0.2 of it is 4, 0.5 is 10.
    source, torso = _source(tmp_path), {"normalise": "torso", "torso": [0, 1]}
    assert _pck(source, {0: 3.9, 1: 4.1}, **torso) == {"pck": pytest.approx(2 / 3)}
    assert _pck(source, {0: 9.9, 1: 10.1}, metric="pckh", head=[0, 1]) == {"pckh": pytest.approx(2 / 3)}


def test_an_image_whose_length_is_not_known_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R111"):
        _pck(_source(tmp_path), {}, metric="pckh", head=[0, 3])


def test_heat_maps_are_mapped_back_to_the_photograph(tmp_path: Path) -> None:
    maps = np.zeros((1, 4, 12, 16), np.float32)
    # Stride 4: photograph (10, 20) is input (5, 18), cell (1.25, 4.5).
    for place, (row, column) in enumerate([(4, 1), (4, 4), (7, 8), (0, 0)]):
        maps[0, place, row, column] = 1
    settings = Evaluate(metric="pck", threshold=4.2 / 50)
    found = evaluate_listing(lambda _: {"maps": maps}, list_source(_source(tmp_path)), SETTINGS, settings)
    # Off by (2, 4) = 4.47, by (2, 4) = 4.47 and by (4, 0) = 4 photograph pixels.
    assert found == {"pck": pytest.approx(1 / 3)}


def test_keypoints_that_do_not_fit_are_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match=r"R126.*shows 2"):
        _pck(_source(tmp_path, people=2), {})
    with pytest.raises(CompressError, match=r"R126.*4 keypoints, 2 are labelled"):
        _pck(_source(tmp_path, TRUE[:2]), {})
    with pytest.raises(CompressError, match=r"R126.*keypoint 9 of 4"):
        _pck(_source(tmp_path), {}, metric="pckh", head=[0, 9])
    with pytest.raises(CompressError, match="R111"):
        _pck(_source(tmp_path, [[0, 0, 0]] * 4), {})
