"""Average precision on cases whose answer is known by hand."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from compiler.data import average_precision as score_boxes
from compiler.data.evaluate import Evaluate
from compiler.data.metrics import evaluate_detector
from compiler.data.preprocess import Preprocess
from compiler.data.records import NO_OBJECTS, Objects, make_objects
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError

Box = tuple[float, float, float, float]
FIRST: Box = (10.0, 10.0, 20.0, 20.0)
SECOND: Box = (60.0, 40.0, 20.0, 30.0)
EMPTY: Box = (100.0, 100.0, 20.0, 20.0)


def _truth(*boxes: Box) -> list[tuple[int, Objects]]:
    return [(5, make_objects(boxes, [3] * len(boxes))), (6, NO_OBJECTS)]


def average_precision(rows: list[dict[str, Any]], truth: list[tuple[int, Objects]]) -> dict[str, float]:
    return score_boxes(rows, truth, (3,))


def _row(box: Box, score: float, image_id: int = 5) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 3, "bbox": list(box), "score": score}


def test_perfect_detections_score_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [_row(FIRST, 0.9), _row(SECOND, 0.4)]
    assert average_precision(rows, _truth(FIRST, SECOND)) == {"ap50": pytest.approx(1.0), "ap": pytest.approx(1.0)}
    assert capsys.readouterr().out == ""


def test_a_false_alarm_between_two_hits_costs_a_third_of_the_second_half() -> None:
    # Precision is 1 up to recall 0.5 (51 of COCO's 101 recall points) and 2/3 after it (the other 50).
    rows = [_row(FIRST, 0.9), _row(EMPTY, 0.8), _row(SECOND, 0.7)]
    by_hand = (51 + 50 * 2 / 3) / 101
    assert average_precision(rows, _truth(FIRST, SECOND))["ap50"] == pytest.approx(by_hand)


def test_a_missed_box_leaves_the_points_up_to_half_recall() -> None:
    assert average_precision([_row(FIRST, 0.9)], _truth(FIRST, SECOND))["ap50"] == pytest.approx(51 / 101)


def test_a_loose_box_counts_at_the_low_thresholds_only() -> None:
    # 20 x 20 against 20 x 14.4: overlap 0.72, enough at 0.50, 0.55, 0.60, 0.65 and 0.70 of the ten thresholds.
    found = average_precision([_row((10.0, 10.0, 20.0, 14.4), 0.9)], _truth(FIRST))
    assert found == {"ap50": pytest.approx(1.0), "ap": pytest.approx(0.5)}


def test_a_hit_on_the_wrong_image_is_none() -> None:
    assert average_precision([_row(FIRST, 0.9, image_id=6)], _truth(FIRST))["ap50"] == 0.0


def test_no_detections_score_zero() -> None:
    assert average_precision([], _truth(FIRST)) == {"ap50": 0.0, "ap": 0.0}


ANCHORS = ((24.0, 24.0), (48.0, 48.0))
TRUE: dict[int, list[Box]] = {1: [(8.0, 10.0, 40.0, 36.0)], 2: [(70.0, 20.0, 50.0, 44.0), (2.0, 3.0, 30.0, 30.0)]}


def _source(folder: Path, true: Mapping[int, list[Box]], categories: int = 1) -> DataSource:
    for number in true:
        Image.new("RGB", (128, 64), (number, 0, 0)).save(folder / f"{number}.png")
    labels = {
        "images": [{"id": number, "file_name": f"{number}.png"} for number in true],
        "annotations": [
            {"image_id": number, "category_id": 1, "bbox": box} for number, boxes in true.items() for box in boxes
        ],
        "categories": [{"id": place, "name": str(place)} for place in range(1, categories + 1)],
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    return DataSource(images=folder, coco=folder / "labels.json")


def _oracle(true: Mapping[int, list[Box]]) -> Callable[[Mapping[str, NDArray[np.float32]]], dict[str, NDArray[Any]]]:
    """Make a model that writes the true boxes of a 128x64 photograph, letterboxed to 64x64, into its raw heads."""

    def logit(value: float) -> float:
        return float(np.log(value / (1 - value)))

    def run(feed: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
        assert feed["images"].shape == (1, 3, 64, 64)
        fine, coarse = np.full((1, 6, 8, 8), -20.0, np.float32), np.full((1, 6, 4, 4), -20.0, np.float32)
        for x, y, w, h in true[round(float(feed["images"][0, 0, 32, 32]) * 255)]:
            centre_x, centre_y = (x + w / 2) / 2 / 8, (y + h / 2) / 2 / 8 + 2
            column, row = int(centre_x), int(centre_y)
            place = [logit((centre_x - column + 0.5) / 2), logit((centre_y - row + 0.5) / 2)]
            size = [logit(np.sqrt(w / 2 / 24) / 2), logit(np.sqrt(h / 2 / 24) / 2)]
            fine[0, :, row, column] = [*place, *size, 20, 20]
        return {"coarse": coarse, "fine": fine}

    return run


def test_a_model_that_knows_the_truth_scores_one(tmp_path: Path) -> None:
    settings = Preprocess(size=(64, 64))
    found = evaluate_detector(_oracle(TRUE), _source(tmp_path, TRUE), settings, Evaluate(anchors=ANCHORS))
    assert found == {"ap50": pytest.approx(1.0), "ap": pytest.approx(1.0)}


def test_yolo_labels_of_the_same_boxes_give_the_same_figures(tmp_path: Path) -> None:
    source, settings = _source(tmp_path, TRUE), Preprocess(size=(64, 64))
    (tmp_path / "labels").mkdir()
    for number, boxes in TRUE.items():
        rows = [f"0 {(x + w / 2) / 128} {(y + h / 2) / 64} {w / 128} {h / 64}" for x, y, w, h in boxes]
        (tmp_path / "labels" / f"{number}.txt").write_text("\n".join(rows))
    anchors = Evaluate(anchors=ANCHORS)
    # One of the three boxes is off by a quarter of its height.
    off = TRUE | {1: [(8.0, 19.0, 40.0, 36.0)]}
    found = [
        evaluate_detector(_oracle(off), one, settings, anchors)
        for one in (source, DataSource(images=tmp_path, yolo=tmp_path / "labels"))
    ]
    assert found[0] == found[1]
    assert 0.5 < found[0]["ap"] < found[0]["ap50"]


def test_a_network_that_is_not_square_is_decoded_with_its_own_strides(tmp_path: Path) -> None:
    # A photograph of 128 x 64 in an input of 32 x 96: at half size, with 16 pixels of padding left and right.
    # The grid of 4 x 6 has strides of 8 down and 16 across.
    x, y, w, h = FIRST
    source = _source(tmp_path, {1: [FIRST]})

    def run(_: object) -> dict[str, NDArray[Any]]:
        def logit(value: float) -> float:
            return float(np.log(value / (1 - value)))

        head = np.full((1, 6, 4, 6), -20.0, np.float32)
        across, down = ((x + w / 2) / 2 + 16) / 16, (y + h / 2) / 2 / 8
        column, row = int(across), int(down)
        place = [logit((across - column + 0.5) / 2), logit((down - row + 0.5) / 2)]
        head[0, :, row, column] = [*place, logit(np.sqrt(w / 2 / 24) / 2), logit(np.sqrt(h / 2 / 24) / 2), 20, 20]
        return {"head": head}

    found = evaluate_detector(run, source, Preprocess(size=(32, 96)), Evaluate(anchors=((24.0, 24.0),)))
    assert found == {"ap50": pytest.approx(1.0), "ap": pytest.approx(1.0)}


def test_the_name_of_the_input_is_the_callers(tmp_path: Path) -> None:
    settings, oracle = Preprocess(size=(64, 64)), _oracle(TRUE)
    found = evaluate_detector(
        lambda feed: oracle({"images": feed["x"]}),
        _source(tmp_path, TRUE),
        settings,
        Evaluate(anchors=ANCHORS),
        input_name="x",
    )
    assert found["ap50"] == pytest.approx(1.0)


def test_more_categories_than_the_model_has_classes_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="R110"):
        evaluate_detector(
            _oracle(TRUE), _source(tmp_path, TRUE, 2), Preprocess(size=(64, 64)), Evaluate(anchors=ANCHORS)
        )


def test_images_without_true_boxes_are_a_diagnostic(tmp_path: Path) -> None:
    labelled = _source(tmp_path, {1: []})
    for source in (labelled, DataSource(images=tmp_path)):
        with pytest.raises(CompressError, match="R111"):
            evaluate_detector(_oracle(TRUE), source, Preprocess(size=(64, 64)), Evaluate(anchors=ANCHORS))


WRONG: list[dict[str, object]] = [
    {},
    {"anchors": []},
    {"anchors": [[]]},
    {"anchors": [[10, 13, 16]]},
    {"anchors": [[10, -13]]},
    {"anchors": [[10, 13]], "confidence": 1},
    {"anchors": [[10, 13]], "iou": 0},
    {"anchors": [[10, 13]], "metric": "recall"},
    {"anchors": [[10, 13]], "nms": True},
]


@pytest.mark.parametrize("options", WRONG)
def test_settings_out_of_their_limits_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Evaluate.model_validate(options)
