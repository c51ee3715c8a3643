"""Average precision of boxes, counted the COCO way by COCO's own library."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.data.records import Objects


def average_precision(
    rows: Sequence[Mapping[str, Any]], truth: Sequence[tuple[int, Objects]], categories: Sequence[int]
) -> dict[str, float]:
    """Score COCO result rows against the true objects of each image: "ap50", and "ap" over IoU 0.5 to 0.95."""
    if not rows:
        return {"ap50": 0.0, "ap": 0.0}
    # The library prints progress and has no way to be asked not to.
    with contextlib.redirect_stdout(io.StringIO()):
        average, at_50 = _coco_stats([dict(row) for row in rows], _as_coco(truth, categories))
    return {"ap50": at_50, "ap": average}


def _coco_stats(rows: list[dict[str, Any]], truth: dict[str, Any]) -> tuple[float, float]:
    # pycocotools has no types; what crosses this border is plain lists and floats.
    from pycocotools import coco, cocoeval  # pyright: ignore[reportMissingTypeStubs] - see above

    true: Any = coco.COCO()
    true.dataset = truth
    true.createIndex()
    scorer: Any = cocoeval.COCOeval(true, true.loadRes(rows), "bbox")
    scorer.evaluate()
    scorer.accumulate()
    scorer.summarize()
    return float(scorer.stats[0]), float(scorer.stats[1])


def _as_coco(truth: Sequence[tuple[int, Objects]], categories: Sequence[int]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image_id, objects in truth:
        values = (objects.categories, objects.boxes, objects.areas, objects.crowds)
        for category, box, area, is_crowd in zip(*(value.tolist() for value in values), strict=True):
            # COCO's matcher takes id 0 for "no match", so ids start at 1 whatever the file says.
            number = len(annotations) + 1
            annotations.append(
                {
                    "id": number,
                    "image_id": image_id,
                    "category_id": category,
                    "bbox": box,
                    "area": area,
                    "iscrowd": int(is_crowd),
                }
            )
    return {
        "info": {},
        "images": [{"id": image_id} for image_id, _ in truth],
        "annotations": annotations,
        "categories": [{"id": category} for category in categories],
    }
