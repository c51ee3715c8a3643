"""Keypoints: read from heat maps or coordinates, and how many lie near the true place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.codes import NOT_LABELLED
from compiler.data.datasets import Sample
from compiler.data.decode_boxes import Outputs, find_output, output_fault
from compiler.data.evaluate import Evaluate
from compiler.data.faults import data_fault
from compiler.data.label_codes import KEYPOINT_MISMATCH
from compiler.data.records import Floats
from compiler.diagnostic import CompressError, Diagnostic


def decode_heatmap(maps: NDArray[Any], input_size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return points [k, 2] in input pixels and the height of each peak, from maps [1, k, rows, columns].

    The peak is the first highest cell, moved a quarter of a cell towards its higher neighbour in x and in y (not at
    the border, nor between equal neighbours); a cell's number times the stride is its place, as in Simple Baselines.
    """
    if maps.ndim != 4 or maps.shape[0] != 1 or 0 in maps.shape:
        said = f"an output has shape {list(maps.shape)}, heat maps are [1, keypoints, rows, columns]"
        raise output_fault(said, "name the heat maps with `output`, or use `decode: points`")
    _, count, rows, columns = maps.shape
    values = np.nan_to_num(maps[0].astype(np.float64), nan=-np.inf, neginf=-np.inf)
    flat = values.reshape(count, -1)
    row, column = np.divmod(flat.argmax(axis=1), columns)
    along_x = np.take_along_axis(values, row[:, None, None], 1)[:, 0]
    along_y = np.take_along_axis(values, column[:, None, None], 2)[:, :, 0]
    points = np.stack([column + 0.25 * _lean(along_x, column), row + 0.25 * _lean(along_y, row)], axis=1)
    stride = np.array([input_size[1] / columns, input_size[0] / rows])
    return points * stride, flat.max(axis=1)


def decode_points(values: NDArray[Any]) -> Floats:
    """Return points [k, 2] in input pixels from an output [1, k, 2 or more]; what follows x and y is left out."""
    if values.ndim != 3 or values.shape[0] != 1 or values.shape[2] < 2:
        said = f"an output has shape {list(values.shape)}, coordinates are [1, keypoints, 2]"
        raise output_fault(said, "name the coordinates with `output`, or use `decode: heatmap`")
    return values[0, :, :2].astype(np.float64)


def predicted_points(outputs: Outputs, settings: Evaluate, input_size: tuple[int, int]) -> Floats:
    """Read the network's keypoints, in pixels of its input."""
    found = find_output(outputs, settings.output)
    return decode_heatmap(found, input_size)[0] if settings.decoder == "heatmap" else decode_points(found)


class Keypoints:
    """Counts the keypoints that are found, over all images."""

    def __init__(self, settings: Evaluate) -> None:
        self._settings = settings
        self._threshold = settings.threshold or (0.5 if settings.metric == "pckh" else 0.2)
        self._hits = 0
        self._total = 0

    def add(self, outputs: Outputs, sample: Sample) -> None:
        """Compare one image's keypoints. An image that shows none, or whose length is not known, does not count."""
        labelled = (sample.objects.keypoints[:, :, 2] > 0).any(axis=1)
        if not labelled.any():
            return
        if labelled.sum() > 1:
            said = f"{sample.path} shows {labelled.sum()} with keypoints, the network predicts one"
            raise _mismatch(said, "evaluate on images of one each", sample)
        truth, box = sample.objects.keypoints[labelled][0], sample.objects.boxes[labelled][0]
        found = predicted_points(outputs, self._settings, sample.array.shape[2:4])
        if len(found) != len(truth):
            said = f"the network predicts {len(found)} keypoints, {len(truth)} are labelled"
            raise _mismatch(said, "evaluate on labels made for this model", sample)
        length = self._length(truth, box, sample)
        if length is None:
            return
        apart = np.linalg.norm(sample.geometry.points_to_photograph(found) - truth[:, :2], axis=1)
        counted = truth[:, 2] > 0
        self._hits += int((apart[counted] <= self._threshold * length).sum())
        self._total += int(counted.sum())

    def figures(self) -> dict[str, float]:
        """Return the share of labelled keypoints that lie within the threshold."""
        if not self._total:
            said = "no image has keypoints and the length that they are measured by"
            raise CompressError(Diagnostic(NOT_LABELLED, said, help="name labels with keypoints for these images"))
        return {self._settings.metric: self._hits / self._total}

    def _length(self, truth: Floats, box: Floats, sample: Sample) -> float | None:
        """Return what distances are measured by, in photograph pixels."""
        settings = self._settings
        ends = settings.head if settings.metric == "pckh" else settings.torso
        if settings.metric == "pck" and settings.normalise == "box":
            return float(box[2:].max()) or None
        assert ends is not None
        if max(ends) >= len(truth):
            raise _mismatch(f"keypoint {max(ends)} of {len(truth)}", "count keypoints from 0", sample)
        if not (truth[list(ends), 2] > 0).all():
            return None
        return float(np.linalg.norm(truth[ends[0], :2] - truth[ends[1], :2])) or None


def _lean(lines: Floats, place: NDArray[np.intp]) -> Floats:
    """Tell for each line on which side of the place its higher neighbour is: -1, 1, or 0."""
    last = lines.shape[1] - 1
    before = np.take_along_axis(lines, np.maximum(place - 1, 0)[:, None], 1)[:, 0]
    after = np.take_along_axis(lines, np.minimum(place + 1, last)[:, None], 1)[:, 0]
    lean = np.where(after > before, 1.0, np.where(after < before, -1.0, 0.0))
    return np.where((place > 0) & (place < last), lean, 0.0)


def _mismatch(message: str, help_: str, sample: Sample) -> CompressError:
    return data_fault(KEYPOINT_MISMATCH, message, help_, sample.path)
