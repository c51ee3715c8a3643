"""How accurate a detector is: average precision, counted the COCO way."""

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator

from compiler.data.codes import CLASS_MISMATCH, NOT_LABELLED
from compiler.data.datasets import DataSource, Listing, Sample, list_source, read_listing
from compiler.data.decode import count_classes, decode_yolo, sort_heads, suppress
from compiler.data.preprocess import Preprocess
from compiler.diagnostic import CompressError, Diagnostic

Outputs = Mapping[str, NDArray[Any]]
Run = Callable[[Mapping[str, NDArray[np.float32]]], Outputs]
"""Runs a model on one image: arrays by input name in, arrays by output name out."""

Anchors = Annotated[tuple[PositiveFloat, ...], Field(min_length=2)]


class Evaluate(BaseModel):
    """How the outputs of a detector become boxes, and which figure is the accuracy.

    `anchors` holds one flat list of widths and heights in input pixels for each output, finest grid first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Literal["ap50", "ap"] = "ap50"
    decode: Literal["yolo"] = "yolo"
    anchors: Annotated[tuple[Anchors, ...], Field(min_length=1)]
    confidence: float = Field(default=0.001, ge=0, lt=1)
    iou: float = Field(default=0.6, gt=0, le=1)

    @field_validator("anchors")
    @classmethod
    def _pairs(cls, anchors: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        for flat in anchors:
            if len(flat) % 2:
                raise ValueError(f"a list of anchors has {len(flat)} numbers, it takes pairs of width and height")
        return anchors


def evaluate_detector(
    run: Run, source: DataSource, preprocess: Preprocess, evaluate: Evaluate, *, input_name: str = "images"
) -> dict[str, float]:
    """Run a detector over a labelled source, one image at a time, and return its "ap50" and "ap"."""
    listing = list_source(source)
    if listing.categories is None or not any(not box.iscrowd for entry in listing.entries for box in entry.boxes):
        raise CompressError(
            Diagnostic(
                NOT_LABELLED,
                f"none of the {len(listing.entries)} images of {source.images} has a true box",
                help="name a `coco` file with annotations for these images",
            )
        )
    rows: list[dict[str, Any]] = []
    for sample in read_listing(listing, preprocess):
        rows += detect(run({input_name: sample.array}), sample, listing.categories, evaluate)
    return average_precision(rows, listing)


def detect(outputs: Outputs, sample: Sample, categories: Sequence[int], evaluate: Evaluate) -> list[dict[str, Any]]:
    """Return what a model found in one image as COCO result rows, in photograph pixels."""
    heads = sort_heads(tuple(outputs.values()))
    classes = count_classes(heads, evaluate.anchors)
    if classes != len(categories):
        message = f"the model has {classes} classes, the annotations have {len(categories)} categories"
        raise CompressError(Diagnostic(CLASS_MISMATCH, message, help="evaluate on annotations made for this model"))
    height, width = sample.array.shape[2:]
    found = suppress(decode_yolo(heads, evaluate.anchors, (height, width), evaluate.confidence), evaluate.iou)
    corners = sample.geometry.clip(sample.geometry.to_photograph(found.boxes))
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return [
        {"image_id": sample.image_id, "category_id": categories[kind], "bbox": box, "score": score}
        for kind, box, score in zip(found.classes.tolist(), boxes.tolist(), found.scores.tolist(), strict=True)
    ]


def average_precision(rows: Sequence[Mapping[str, Any]], listing: Listing) -> dict[str, float]:
    """Score COCO result rows against the true boxes of the listed images: "ap50", and "ap" over IoU 0.5 to 0.95."""
    if not rows:
        return {"ap50": 0.0, "ap": 0.0}
    # The library prints progress and has no way to be asked not to.
    with contextlib.redirect_stdout(io.StringIO()):
        average, at_50 = _coco_stats([dict(row) for row in rows], _truth(listing))
    return {"ap50": at_50, "ap": average}


def _coco_stats(rows: list[dict[str, Any]], truth: dict[str, Any]) -> tuple[float, float]:
    # pycocotools has no types; what crosses this border is plain lists and floats.
    from pycocotools import coco, cocoeval  # pyright: ignore[reportMissingTypeStubs]

    true: Any = coco.COCO()
    true.dataset = truth
    true.createIndex()
    scorer: Any = cocoeval.COCOeval(true, true.loadRes(rows), "bbox")
    scorer.evaluate()
    scorer.accumulate()
    scorer.summarize()
    return float(scorer.stats[0]), float(scorer.stats[1])


def _truth(listing: Listing) -> dict[str, Any]:
    boxes = [box for entry in listing.entries for box in entry.boxes]
    annotations = [
        {
            # COCO's matcher takes id 0 for "no match", so ids start at 1 whatever the file says.
            "id": place,
            "image_id": box.image_id,
            "category_id": box.category_id,
            "bbox": list(box.bbox),
            "area": box.bbox[2] * box.bbox[3] if box.area is None else box.area,
            "iscrowd": box.iscrowd,
        }
        for place, box in enumerate(boxes, start=1)
    ]
    return {
        "info": {},
        "images": [{"id": entry.image_id} for entry in listing.entries],
        "annotations": annotations,
        "categories": [{"id": category} for category in listing.categories or ()],
    }
