"""The two one-class data sets of the paper's experiment, as folders with COCO JSON."""

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

CAMERA = Path(__file__).parents[2] / "recipes" / "barn-camera"
Listed = tuple[str, tuple[int, int], Sequence[Sequence[float]]]
"""An image's name, its height and width, and its boxes: x, y, width, height in pixels."""
COUNTS = {"train": 1000, "val": 150}


def shoes(folder: Path, side: int) -> int:
    """Draw the generated set once; return how often an epoch visits each image."""
    sys.path.insert(0, str(CAMERA))
    drawing: Any = importlib.import_module("drawing")
    for part, material in (("train", drawing.training_material), ("val", drawing.validation_material)):
        if (folder / f"{part}.json").exists():
            continue
        (folder / part).mkdir(parents=True, exist_ok=True)
        listed = list[Listed]()
        for number, picture in enumerate(drawing.draw(material(), ord(part[0]), COUNTS[part], (side, side)), start=1):
            name = f"{number:04}.jpg"
            Image.fromarray(picture.pixels).save(folder / part / name, quality=90)
            listed.append((name, (side, side), picture.boxes))
        (folder / f"{part}.json").write_text(json.dumps(_coco(listed)))
    return 1


def cells(folder: Path, given: Path) -> int:
    """Take the cells' boxes as one class; return how often an epoch visits each of the fewer images."""
    for part in ("train", "val"):
        told = json.loads((given / f"{part}.json").read_text())
        boxes: dict[int, list[list[float]]] = {image["id"]: [] for image in told["images"]}
        for row in told["annotations"]:
            boxes[row["image_id"]].append(row["bbox"])
        listed: list[Listed] = [
            (row["file_name"], (row["height"], row["width"]), boxes[row["id"]]) for row in told["images"]
        ]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{part}.json").write_text(json.dumps(_coco(listed)))
        if not (folder / part).exists():
            (folder / part).symlink_to(given.resolve())
    return 3


def _coco(listed: Sequence[Listed]) -> dict[str, Any]:
    """Write images and boxes as COCO does, with one category."""
    images, rows = list[dict[str, Any]](), list[dict[str, Any]]()
    for number, (name, (height, width), boxes) in enumerate(listed, start=1):
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for box in boxes:
            row: dict[str, Any] = {"id": len(rows) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
            rows.append(row | {"bbox": list(box), "area": box[2] * box[3]})
    return {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "object"}]}
