"""How alike two networks' results are on the same images, where no label says which is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.decode import Detections, overlap
from compiler.data.decode_boxes import Outputs
from compiler.data.evaluate import Evaluate
from compiler.data.metrics import find_detections
from compiler.data.top_k import class_scores

SURE = 0.25
"""Detections count for agreement from this score on: what a product would act upon."""

_IOU = 0.5

Agree = Callable[[Outputs, Outputs, tuple[int, int]], tuple[int, int]]
"""Takes the source's outputs, another's and the input's size; gives how many of the source's results are found again,
and how many there are."""


class Likeness:
    """Gathers cosine similarity and agreement over images."""

    def __init__(self, agree: Agree | None) -> None:
        self._agree = agree
        self._cosines: list[float] = []
        self._found = 0
        self._total = 0

    def add(self, expected: Outputs, found: Outputs, input_size: tuple[int, int] | None) -> None:
        """Compare the outputs for one image."""
        self._cosines.append(cosine(expected, found))
        if self._agree is not None and input_size is not None:
            again, total = self._agree(expected, found, input_size)
            self._found, self._total = self._found + again, self._total + total

    @property
    def cosine(self) -> float:
        """The mean over the images; 0 where there are none."""
        return float(np.mean(self._cosines)) if self._cosines else 0.0

    @property
    def agreement(self) -> float | None:
        """The share of the source's results that are found again; None where there are none to find."""
        return self._found / self._total if self._total else None


def cosine(expected: Outputs, found: Outputs) -> float:
    """Return the cosine of the angle between all outputs, each taken as one long vector; the mean over outputs.

    Two equal outputs have 1, also where both are zero; an output that is gone or holds other than numbers has 0.
    """
    values = [_cosine(value, found.get(name)) for name, value in expected.items()]
    return float(np.mean(values)) if values else 1.0


def agreement(settings: Evaluate) -> Agree | None:
    """Choose what counts as the same result: a box matched at IoU 0.5 with its class, or the same best class."""
    if not settings.has_decoder:
        return None
    if settings.decoder == "scores":
        return lambda expected, found, _: _same_class(expected, found, settings)
    if not settings.is_detector:
        return None
    sure = settings.model_copy(update={"confidence": max(settings.confidence, SURE)})

    def agree(expected: Outputs, found: Outputs, input_size: tuple[int, int]) -> tuple[int, int]:
        source = find_detections(expected, sure, input_size)
        return matched(source, find_detections(found, sure, input_size)), len(source.scores)

    return agree


def matched(source: Detections, other: Detections) -> int:
    """Count the detections that another set holds too; the best choose first, and each of the other serves once."""
    free = np.ones(len(other.scores), np.bool_)
    count = 0
    for box, kind in zip(source.boxes, source.classes, strict=True):
        ious = np.where(free & (other.classes == kind), overlap(box, other.boxes), -1.0)
        if ious.max(initial=-1.0) >= _IOU:
            free[ious.argmax()] = False
            count += 1
    return count


def _same_class(expected: Outputs, found: Outputs, settings: Evaluate) -> tuple[int, int]:
    same = class_scores(expected, settings.output).argmax() == class_scores(found, settings.output).argmax()
    return int(same), 1


def _cosine(value: NDArray[Any], other: NDArray[Any] | None) -> float:
    if other is None or other.shape != value.shape:
        return 0.0
    a, b = value.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    if np.array_equal(a, b, equal_nan=True):
        return 1.0
    known = np.isfinite(a)
    if not np.isfinite(b[known]).all() or np.isfinite(b[~known]).any():
        return 0.0
    a, b = a[known], b[known]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 0.0


def input_size(feeds: Mapping[str, NDArray[Any]]) -> tuple[int, int] | None:
    """Return height and width of the single image input, or None."""
    shapes = [value.shape for value in feeds.values()]
    return (shapes[0][2], shapes[0][3]) if len(shapes) == 1 and len(shapes[0]) == 4 else None
