"""From outputs that hold boxes already to detections: finished ones, or scored candidates that overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.decode import MAX_CANDIDATES, MAX_DETECTIONS, Detections, suppress
from compiler.data.evaluate import BoxOutputs, Evaluate
from compiler.data.label_codes import OUTPUT_MISMATCH
from compiler.data.records import Floats
from compiler.diagnostic import CompressError, Diagnostic, did_you_mean

Outputs = Mapping[str, NDArray[Any]]


def decode_boxes(outputs: Outputs, settings: Evaluate, input_size: tuple[int, int]) -> Detections:
    """Return the detections that score above the threshold, best first; `ssd` drops those that overlap a better one."""
    names = settings.outputs
    assert names is not None
    boxes = np.asarray(find_output(outputs, names.boxes), np.float64)
    boxes = boxes[0] if boxes.ndim == 3 and len(boxes) == 1 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise output_fault(f"{names.boxes} has shape {list(boxes.shape)}, not [1, n, 4]", "name the output of boxes")
    scores, classes, rows = _scores(outputs, names, len(boxes), settings)
    corners = _corners(boxes[rows], settings, input_size)
    picked = scores > settings.confidence
    picked &= np.isfinite(corners).all(axis=1)
    found = Detections(corners[picked], scores[picked], classes[picked])
    found = found.take(np.argsort(-found.scores, kind="stable")[:MAX_CANDIDATES])
    if settings.decoder == "ssd":
        return suppress(found, settings.iou)
    return found.take(np.arange(min(len(found.scores), MAX_DETECTIONS)))


def box_classes(outputs: Outputs, settings: Evaluate) -> int | None:
    """Tell how many classes the outputs know, or None where only the labels can."""
    names = settings.outputs
    assert names is not None
    scores = find_output(outputs, names.scores)
    if scores.ndim == 3 and names.classes is None:
        return scores.shape[2] - (settings.background is not None)
    return 1 if names.classes is None else None


def find_output(outputs: Outputs, name: str | None) -> NDArray[Any]:
    """Return the output of that name, or the only one. Raises CompressError."""
    if name is not None and name in outputs:
        return outputs[name]
    if name is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    listed = f"outputs: {', '.join(outputs)}"
    if name is None:
        raise output_fault(f"the network has {len(outputs)} outputs", f"name one with `output`; {listed}")
    raise output_fault(f"the network has no output {name!r}", did_you_mean(name, outputs) or listed)


def output_fault(message: str, help_: str) -> CompressError:
    """Make an error about what a network puts out."""
    return CompressError(Diagnostic(OUTPUT_MISMATCH, message, help=help_))


def _scores(
    outputs: Outputs, names: BoxOutputs, count: int, settings: Evaluate
) -> tuple[Floats, NDArray[np.int64], NDArray[np.intp]]:
    """Return score, class and row of `boxes` for every candidate."""
    scores = np.asarray(find_output(outputs, names.scores), np.float64)
    if scores.ndim > 1 and len(scores) == 1:
        scores = scores[0]
    if scores.shape[:1] != (count,) or scores.ndim > 2:
        shape = list(scores.shape)
        raise output_fault(f"{names.scores} has shape {shape} for {count} boxes", "name the output of scores")
    rows = np.arange(count)
    if names.classes is not None:
        if scores.ndim == 2:
            raise output_fault(f"{names.scores} has a column a class, {names.classes} is too much", "remove `classes`")
        classes = np.asarray(find_output(outputs, names.classes)).reshape(-1)
        if len(classes) != count:
            raise output_fault(f"{names.classes} has {len(classes)} values for {count} boxes", "name the right output")
        return scores, classes.astype(np.int64), rows
    if scores.ndim == 1:
        return scores, np.zeros(count, np.int64), rows
    if settings.background is not None:
        if settings.background >= scores.shape[1]:
            said = f"{names.scores} has {scores.shape[1]} columns, `background` is {settings.background}"
            raise output_fault(said, "count columns from 0")
        scores = np.delete(scores, settings.background, axis=1)
    candidate = np.arange(scores.size)
    return scores.reshape(-1), candidate % scores.shape[1], candidate // scores.shape[1]


def _corners(boxes: Floats, settings: Evaluate, input_size: tuple[int, int]) -> Floats:
    """Bring boxes to corners in pixels of the input."""
    first, second = boxes[:, :2], boxes[:, 2:]
    if settings.box_format == "xywh":
        second = first + second
    elif settings.box_format == "cxcywh":
        first, second = first - second / 2, first + second / 2
    unit = (input_size[1], input_size[0]) * 2 if settings.box_unit == "share" else (1, 1, 1, 1)
    return np.concatenate([first, second], axis=1) * np.array(unit, np.float64)
