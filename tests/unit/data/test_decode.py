"""The vectorised decoder and suppression agree with slow loops written from the formulas."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.data.decode import Detections, decode_yolo, overlap, sort_heads, suppress
from compiler.diagnostic import CompressError

ANCHORS = ((10.0, 13.0, 16.0, 30.0), (30.0, 61.0, 62.0, 45.0))


def _heads(classes: int, seed: int = 0) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    shapes = [(1, 2 * (5 + classes), 8, 6), (1, 2 * (5 + classes), 4, 3)]
    return [rng.normal(0, 3, shape).astype(np.float32) for shape in shapes]


def _slow_decode(heads: list[NDArray[np.float32]], size: tuple[int, int], threshold: float) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    for head, flat in zip(heads, ANCHORS, strict=True):
        _, channels, rows, columns = head.shape
        each = channels // 2
        for anchor, row, column in itertools.product(range(2), range(rows), range(columns)):
            cell = [1 / (1 + math.exp(-float(v))) for v in head[0, anchor * each : (anchor + 1) * each, row, column]]
            x = (2 * cell[0] - 0.5 + column) * size[1] / columns
            y = (2 * cell[1] - 0.5 + row) * size[0] / rows
            w = math.pow(2 * cell[2], 2) * flat[2 * anchor]
            h = math.pow(2 * cell[3], 2) * flat[2 * anchor + 1]
            for kind, score in enumerate(cell[5:]):
                if cell[4] * score > threshold:
                    found.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2, cell[4] * score, kind))
    return sorted(found, key=lambda row: -row[4])


@pytest.mark.parametrize("classes", [1, 3])
def test_decode_agrees_with_the_formula_cell_by_cell(classes: int) -> None:
    heads = _heads(classes)
    slow = np.array(_slow_decode(heads, (64, 48), 0.05))
    fast = decode_yolo(heads, ANCHORS, (64, 48), 0.05)
    assert len(slow) > 20
    np.testing.assert_allclose(fast.boxes, slow[:, :4], rtol=1e-9)
    np.testing.assert_allclose(fast.scores, slow[:, 4], rtol=1e-9)
    np.testing.assert_array_equal(fast.classes, slow[:, 5])


def test_decode_of_silent_heads_finds_nothing() -> None:
    silent = [np.full_like(head, -1e4) for head in _heads(1)]
    found = suppress(decode_yolo(silent, ANCHORS, (64, 48), 0.001), 0.6)
    assert (found.boxes.shape, found.scores.size) == ((0, 4), 0)


def test_decode_drops_cells_that_are_not_numbers() -> None:
    broken = [np.full_like(head, np.nan) for head in _heads(1)]
    assert decode_yolo(broken, ANCHORS, (64, 48), 0.001).scores.size == 0


def test_heads_are_sorted_finest_grid_first() -> None:
    fine, coarse = _heads(1)
    assert [head.shape for head in sort_heads((coarse, fine))] == [fine.shape, coarse.shape]


@pytest.mark.parametrize(
    "heads",
    [
        _heads(1)[:1],
        [_heads(1)[0], _heads(2)[1]],
        [np.zeros((2, 12, 8, 6)), np.zeros((2, 12, 4, 3))],
        [np.zeros((1, 12, 8, 6)), np.zeros((1, 12))],
        [np.zeros((1, 13, 8, 6)), np.zeros((1, 13, 4, 3))],
        [np.zeros((1, 10, 8, 6)), np.zeros((1, 10, 4, 3))],
    ],
)
def test_heads_that_do_not_fit_the_anchors_are_a_diagnostic(heads: list[NDArray[np.generic]]) -> None:
    with pytest.raises(CompressError, match="R109"):
        decode_yolo(heads, ANCHORS, (64, 48), 0.1)


def _crowd(seed: int, count: int = 60) -> Detections:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (count, 2))], axis=1)
    scores = np.round(rng.uniform(0, 1, count), 1)
    return Detections(boxes, scores, rng.integers(0, 2, count))


def _iou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _slow_suppress(found: Detections, threshold: float) -> list[int]:
    kept: list[int] = []
    for row in sorted(range(len(found.scores)), key=lambda row: -found.scores[row]):
        twins = [
            other
            for other in kept
            if found.classes[other] == found.classes[row]
            and _iou(found.boxes[other].tolist(), found.boxes[row].tolist()) > threshold
        ]
        if not twins:
            kept.append(row)
    return kept


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threshold", [0.1, 0.45, 0.6, 1.0])
def test_suppression_agrees_with_a_brute_force_loop(seed: int, threshold: float) -> None:
    crowd = _crowd(seed)
    kept = suppress(crowd, threshold)
    expected = _slow_suppress(crowd, threshold)
    np.testing.assert_array_equal(kept.boxes, crowd.boxes[expected])
    np.testing.assert_array_equal(kept.classes, crowd.classes[expected])


def test_suppression_looks_back_over_all_blocks_of_a_large_crowd() -> None:
    crowd = _crowd(2, 700)
    kept = suppress(crowd, 0.8, limit=700)
    assert len(kept.scores) > 260
    np.testing.assert_array_equal(kept.boxes, crowd.boxes[_slow_suppress(crowd, 0.8)])


def test_suppression_stops_at_the_limit_with_the_best() -> None:
    crowd = _crowd(1)
    assert suppress(crowd, 1.0, limit=7).scores.tolist() == sorted(crowd.scores.tolist(), reverse=True)[:7]


def test_empty_boxes_overlap_nothing() -> None:
    point = np.array([3.0, 3.0, 3.0, 3.0])
    assert overlap(point, np.stack([point, np.array([0.0, 0.0, 9.0, 9.0])])).tolist() == [0, 0]
