"""The two keypoint sets of tta_rk3399.py, as folders of images with COCO JSON."""

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DRONE = Path(__file__).parents[2] / "recipes" / "drone-gesture"
COUNTS = {"train": 2400, "val": 200}
FEW = 70
"""Labelled images where labels are few: as many as the mouse set has to train with."""
Coco = Mapping[str, Any]


def figures(folder: Path) -> None:
    """Draw the recipe's figures once; `few.json` lists all training pictures and the labels of 70 of them."""
    if (folder / "val.json").exists():
        return
    sys.path.insert(0, str(DRONE))
    drawing: Any = importlib.import_module("drawing")
    for part, split in (("train", "train"), ("val", "validation")):
        (folder / part).mkdir(parents=True, exist_ok=True)
        drawn, told = drawing.figures(split, COUNTS[part]), list[tuple[str, Mapping[str, Any]]]()
        for number in range(len(drawn)):
            example, name = drawn[number], f"{number:04}.png"
            Image.fromarray(example["image"]).save(folder / part / name)
            told.append((name, example))
        if part == "train":
            _write(folder / "few.json", _coco(told, FEW))
            _write(folder / "only-few.json", _coco(told[:FEW], FEW))
        _write(folder / f"{part}.json", _coco(told, len(told)))


def mouse(folder: Path, given: Path) -> None:
    """Link the frames and copy their labels; all frames are labelled, half of them with fewer than 17 points."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "val"):
        told = json.loads((given / f"{part}.json").read_text("utf-8"))
        _write(folder / f"{part}.json", told)
        if not (folder / part).exists():
            (folder / part).symlink_to(given.resolve())


def labelled_points(coco: Coco) -> NDArray[np.float64]:
    """Return [images, joints, 3] of x, y and visibility, an image in a row."""
    rows = [row["keypoints"] for row in coco["annotations"]]
    return np.asarray(rows, np.float64).reshape(len(rows), -1, 3)


def guess(train: Coco, val: Coco, lengths: NDArray[np.float64]) -> float:
    """Return the share that is found by always saying where each joint is in the mean of the training images.

    A joint is found within its image's length. Points without a label count neither for the mean nor for the share.
    """
    seen, wanted = labelled_points(train), labelled_points(val)
    shown = seen[:, :, 2] > 0
    said = (seen[:, :, :2] * shown[:, :, None]).sum(0) / np.maximum(shown.sum(0), 1)[:, None]
    near = np.linalg.norm(wanted[:, :, :2] - said, axis=2) <= lengths[:, None]
    return float(near[wanted[:, :, 2] > 0].mean())


def head_lengths(coco: Coco, head: Sequence[int]) -> NDArray[np.float64]:
    """Return the distance between the two ends of the head, an image in a row."""
    points = labelled_points(coco)
    return np.linalg.norm(points[:, head[0], :2] - points[:, head[1], :2], axis=1)


def box_lengths(coco: Coco) -> NDArray[np.float64]:
    """Return the longer side of each image's box."""
    return np.array([max(row["bbox"][2:]) for row in coco["annotations"]], np.float64)


def _coco(told: Sequence[tuple[str, Mapping[str, Any]]], labelled: int) -> dict[str, Any]:
    """Write pictures as COCO does, and the joints of the first of them."""
    images = [
        {"id": number, "file_name": name, "width": example["image"].shape[1], "height": example["image"].shape[0]}
        for number, (name, example) in enumerate(told, start=1)
    ]
    rows: list[dict[str, Any]] = [
        {
            "id": number,
            "image_id": number,
            "category_id": 1,
            "bbox": list(example["boxes"][0]),
            "keypoints": example["keypoints"].reshape(-1).tolist(),
        }
        for number, (_, example) in enumerate(told[:labelled], start=1)
    ]
    return {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "figure"}]}


def _write(path: Path, told: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(told), "utf-8")
