"""Outputs that hold boxes already: formats, units, classes and background, against boxes written by hand."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.data.decode_boxes import box_classes, decode_boxes
from compiler.data.evaluate import Evaluate
from compiler.diagnostic import CompressError

SIZE = (48, 64)
BOXES = np.array([[10, 20, 30, 40], [11, 20, 31, 40], [40, 5, 60, 15]], np.float32)
NAMES = {"boxes": "b", "scores": "s"}


def _settings(**options: Any) -> Evaluate:
    return Evaluate.model_validate({"metric": "ap50", "outputs": NAMES} | options)


def _outputs(boxes: Any = BOXES, **others: Any) -> dict[str, Any]:
    return {"b": boxes[None], "s": np.array([[0.5, 0.9, 0.7]], np.float32)} | others


@pytest.mark.parametrize("unit", ["pixel", "share"])
@pytest.mark.parametrize("form", ["xyxy", "xywh", "cxcywh"])
def test_every_format_gives_the_same_corners(form: str, unit: str) -> None:
    given = BOXES.copy()
    sides = given[:, 2:] - given[:, :2]
    if form != "xyxy":
        given = np.concatenate([given[:, :2] + (sides / 2 if form == "cxcywh" else 0), sides], axis=1)
    if unit == "share":
        given /= np.array([64, 48, 64, 48])
    found = decode_boxes(_outputs(given), _settings(box_format=form, box_unit=unit), SIZE)
    np.testing.assert_allclose(found.boxes, BOXES[[1, 2, 0]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.9, 0.7, 0.5])
    assert found.classes.tolist() == [0, 0, 0]


def test_ssd_drops_what_overlaps_a_better_box_and_boxes_does_not() -> None:
    found = decode_boxes(_outputs(), _settings(decode="ssd"), SIZE)
    np.testing.assert_array_equal(found.boxes, BOXES[[1, 2]])
    assert len(decode_boxes(_outputs(), _settings(), SIZE).scores) == 3


def test_columns_are_classes_and_the_background_is_none() -> None:
    scores = np.array([[[0.8, 0.2, 0.0], [0.1, 0.3, 0.6], [1.0, 0.0, 0.0]]], np.float32)
    settings = _settings(decode="ssd", background=0)
    found = decode_boxes(_outputs(s=scores), settings, SIZE)
    assert box_classes(_outputs(s=scores), settings) == 2
    rows = sorted(zip(found.scores.round(2).tolist(), found.classes.tolist(), found.boxes[:, 0].tolist(), strict=True))
    # The second box has both classes; of class 0 the first box overlaps it and scores less.
    assert rows == [(0.3, 0, 11.0), (0.6, 1, 11.0)]


def test_an_output_of_classes_names_them() -> None:
    settings = _settings(outputs=NAMES | {"classes": "c"})
    outputs = _outputs(c=np.array([[3.0, 1.0, 2.0]]))
    assert decode_boxes(outputs, settings, SIZE).classes.tolist() == [1, 2, 3]
    assert box_classes(outputs, settings) is None


def test_what_is_not_a_number_is_no_detection() -> None:
    boxes = BOXES.copy()
    boxes[1] = np.nan
    scores = np.array([[np.nan, 0.9, 0.7]], np.float32)
    np.testing.assert_array_equal(decode_boxes(_outputs(boxes, s=scores), _settings(), SIZE).boxes, BOXES[2:])


@pytest.mark.parametrize(
    ("outputs", "options"),
    [
        ({"b": BOXES[None]}, {}),
        (_outputs(BOXES[:, :3]), {}),
        (_outputs(BOXES[:2]), {}),
        (_outputs(s=np.zeros((1, 3, 2, 2))), {}),
        (_outputs(c=np.zeros((1, 2))), {"outputs": NAMES | {"classes": "c"}}),
        (_outputs(s=np.zeros((1, 3, 2)), c=np.zeros((1, 3))), {"outputs": NAMES | {"classes": "c"}}),
        (_outputs(s=np.zeros((1, 3, 2))), {"decode": "ssd", "background": 2}),
    ],
)
def test_outputs_that_do_not_fit_are_a_diagnostic(outputs: dict[str, Any], options: dict[str, Any]) -> None:
    with pytest.raises(CompressError, match="R125"):
        decode_boxes(outputs, _settings(**options), SIZE)


ANCHORS = {"anchors": [[10, 13]]}
WRONG: list[dict[str, Any]] = [
    {"metric": "ap", "decode": "heatmap"},
    {"metric": "top1", "decode": "yolo"} | ANCHORS,
    {"metric": "top1"} | ANCHORS,
    {"metric": "ap50", "decode": "boxes"},
    {"metric": "ap50", "outputs": NAMES} | ANCHORS,
    {"metric": "ap50", "background": 0} | ANCHORS,
    {"metric": "ap50", "threshold": 0.2} | ANCHORS,
    {"metric": "top1", "iou": 0.5},
    {"metric": "top1", "output": "y", "head": [0, 1]},
    {"metric": "pck", "normalise": "torso"},
    {"metric": "pck", "head": [0, 1]},
    {"metric": "pckh"},
    {"metric": "pckh", "head": [0, 1, 2]},
    {"metric": "pck", "threshold": 0},
]


@pytest.mark.parametrize("options", WRONG)
def test_settings_that_contradict_each_other_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Evaluate.model_validate(options)


@pytest.mark.parametrize(
    ("options", "decoder"),
    [
        (ANCHORS, "yolo"),
        ({"outputs": NAMES}, "boxes"),
        ({"metric": "top5"}, "scores"),
        ({"metric": "pckh", "head": [0, 1]}, "heatmap"),
        ({"metric": "fidelity"} | ANCHORS, "yolo"),
    ],
)
def test_the_decoder_follows_from_what_is_given(options: dict[str, Any], decoder: str) -> None:
    assert Evaluate.model_validate(options).decoder == decoder
