"""How accurate a network is on labelled data: run over it image by image, in the way that the recipe states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compiler.data.average_precision import average_precision
from compiler.data.codes import CLASS_MISMATCH, NOT_LABELLED
from compiler.data.datasets import Sample, list_source, read_listing
from compiler.data.decode import Detections, count_classes, decode_yolo, sort_heads, suppress
from compiler.data.decode_boxes import Outputs, box_classes, decode_boxes
from compiler.data.evaluate import Evaluate
from compiler.data.faults import data_fault
from compiler.data.keypoints import Keypoints
from compiler.data.label_codes import UNKNOWN_CLASS
from compiler.data.preprocess import Preprocess
from compiler.data.records import Listing, Objects
from compiler.data.source import DataSource
from compiler.data.top_k import TopK
from compiler.diagnostic import CompressError, Diagnostic

Run = Callable[[Mapping[str, NDArray[Any]]], Outputs]
"""Runs a model on one image: arrays by input name in, arrays by output name out."""

_NEEDS = {
    "ap50": ("boxes", "a true box", "`coco` or `yolo`"),
    "ap": ("boxes", "a true box", "`coco` or `yolo`"),
    "top1": ("class", "a class", "`classes`, or `npz` with labels"),
    "top5": ("class", "a class", "`classes`, or `npz` with labels"),
    "pck": ("keypoints", "a labelled keypoint", "`coco` or `yolo` with keypoints"),
    "pckh": ("keypoints", "a labelled keypoint", "`coco` or `yolo` with keypoints"),
}


class _Tally(Protocol):
    """Takes the outputs for one labelled image after the other, and sums them up."""

    def add(self, outputs: Outputs, sample: Sample) -> None: ...
    def figures(self) -> dict[str, float]: ...


def evaluate_samples(
    run: Callable[[Sample], Outputs], listing: Listing, samples: Iterable[Sample], settings: Evaluate
) -> dict[str, float]:
    """Run a network over the labelled samples of a listing, one at a time, and return its metrics by name."""
    kind, one, sources = _NEEDS[settings.metric]
    if listing.labels is not None and kind not in listing.labels:
        raise _not_labelled(f"none of the {listing.count} items has {one}", sources)
    tally = _tally(settings, listing)
    for sample in samples:
        tally.add(run(sample), sample)
    return tally.figures()


def evaluate_listing(
    run: Run, listing: Listing, preprocess: Preprocess, settings: Evaluate, *, input_name: str = "images"
) -> dict[str, float]:
    """Run a network over labelled items, one at a time, and return its metrics by name."""
    samples = read_listing(listing, preprocess)
    return evaluate_samples(lambda sample: run(sample.feeds(input_name)), listing, samples, settings)


def evaluate_detector(
    run: Run, source: DataSource, preprocess: Preprocess, evaluate: Evaluate, *, input_name: str = "images"
) -> dict[str, float]:
    """Run a detector over a labelled source and return its "ap50" and "ap"."""
    return evaluate_listing(run, list_source(source), preprocess, evaluate, input_name=input_name)


def find_detections(outputs: Outputs, settings: Evaluate, input_size: tuple[int, int]) -> Detections:
    """Return what a detector found in one image, in input pixels, best first."""
    if settings.decoder != "yolo":
        return decode_boxes(outputs, settings, input_size)
    assert settings.anchors is not None
    heads = sort_heads(tuple(outputs.values()))
    return suppress(decode_yolo(heads, settings.anchors, input_size, settings.confidence), settings.iou)


class Precision:
    """Gathers detections and true boxes for average precision."""

    def __init__(self, settings: Evaluate, listing: Listing) -> None:
        self._settings = settings
        self._known: Sequence[int] = listing.categories or ()
        self._is_complete = listing.is_complete
        self._rows: list[dict[str, Any]] = []
        self._truth: list[tuple[int, Objects]] = []

    def add(self, outputs: Outputs, sample: Sample) -> None:
        """Decode one image's outputs, and keep what was found beside the truth."""
        self._known = self._categories(outputs, sample)
        self._rows += detect(outputs, sample, self._known, self._settings)
        self._truth.append((sample.image_id, sample.objects))

    def figures(self) -> dict[str, float]:
        """Return "ap50" and "ap"."""
        if all(objects.crowds.all() for _, objects in self._truth):
            raise _not_labelled(f"none of the {len(self._truth)} items has a true box", _NEEDS["ap"][2])
        return average_precision(self._rows, self._truth, self._known)

    def _categories(self, outputs: Outputs, sample: Sample) -> Sequence[int]:
        """Hold the classes of network and labels against each other; the class k of one is the k-th of the other."""
        anchors = self._settings.anchors
        heads = sort_heads(tuple(outputs.values()))
        classes = count_classes(heads, anchors) if anchors is not None else box_classes(outputs, self._settings)
        if not self._is_complete:
            highest = int(sample.categories.max(initial=-1))
            if classes is not None and highest >= classes:
                said = f"{sample.path} is labelled with class {highest}, the model has {classes}"
                raise data_fault(UNKNOWN_CLASS, said, "evaluate on labels made for this model", sample.path)
            return range(classes or max(len(self._known), highest + 1, _highest_found(outputs, self._settings) + 1))
        if classes is not None and classes != len(self._known):
            message = f"the model has {classes} classes, the annotations have {len(self._known)} categories"
            raise CompressError(Diagnostic(CLASS_MISMATCH, message, help="evaluate on annotations made for this model"))
        return self._known


def _highest_found(outputs: Outputs, settings: Evaluate) -> int:
    """Return the highest class that an output of classes names."""
    names = settings.outputs
    assert names is not None and names.classes is not None
    return int(np.max(outputs.get(names.classes, np.zeros(0)), initial=-1))


def detect(outputs: Outputs, sample: Sample, categories: Sequence[int], settings: Evaluate) -> list[dict[str, Any]]:
    """Return what a model found in one image as COCO result rows, in photograph pixels."""
    height, width = sample.array.shape[2:]
    found = find_detections(outputs, settings, (height, width))
    highest = int(found.classes.max(initial=-1))
    if highest >= len(categories) or int(found.classes.min(initial=0)) < 0:
        message = f"the model found class {highest}, the annotations have {len(categories)} categories"
        raise CompressError(Diagnostic(CLASS_MISMATCH, message, help="evaluate on annotations made for this model"))
    corners = sample.geometry.clip(sample.geometry.to_photograph(found.boxes))
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return [
        {"image_id": sample.image_id, "category_id": categories[kind], "bbox": box, "score": score}
        for kind, box, score in zip(found.classes.tolist(), boxes.tolist(), found.scores.tolist(), strict=True)
    ]


def _tally(settings: Evaluate, listing: Listing) -> _Tally:
    if settings.metric in {"top1", "top5"}:
        return TopK(settings, listing)
    return Keypoints(settings) if settings.metric in {"pck", "pckh"} else Precision(settings, listing)


def _not_labelled(message: str, sources: str) -> CompressError:
    return CompressError(Diagnostic(NOT_LABELLED, message, help=f"name labels with {sources}, or measure `fidelity`"))
