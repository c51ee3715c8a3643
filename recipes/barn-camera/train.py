"""Make the images (`train.py data`), train the detector (`train.py train`), or measure it (`train.py measure`).

The network sees the whole picture of 640 x 640 in use, but trains on pieces of 224 x 224: it is a convolution from end
to end, the shoes have the same size in both, and a piece costs an eighth of the time. Training runs on one core for
about half an hour; a checkpoint every hundred steps lets an interrupted training go on.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models"))

from drawing import Material, Picture, draw, draw_one, training_material, validation_material  # noqa: E402
from fit import fit  # noqa: E402
from yolov7_tiny import build  # noqa: E402

from compiler.data import DataSource, Evaluate, Preprocess, evaluate_detector  # noqa: E402

WEIGHTS = HERE / "detector.safetensors"
STRIDES = (8, 16, 32)
ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
SEED, SIDE, BATCH, STEPS, RATE = 7, 224, 16, 2600, 2e-3
SETTINGS = Preprocess(size=(640, 640))


def make_data() -> None:
    """Write calib/, train/, val/ and val.json; the same library versions write the same bytes."""
    _save(draw(training_material(), SEED + 1, 16, (480, 640)), HERE / "calib")
    _save(draw(training_material(), SEED + 3, 64, (480, 640)), HERE / "train")
    pictures = _save(draw(validation_material(), SEED + 2, 32, (480, 640)), HERE / "val")
    labels = {
        "images": [
            {"id": number, "file_name": name, "width": picture.pixels.shape[1], "height": picture.pixels.shape[0]}
            for number, (name, picture) in enumerate(pictures.items(), start=1)
        ],
        "annotations": [],
        "categories": [{"id": 1, "name": "shoe"}],
    }
    for number, picture in enumerate(pictures.values(), start=1):
        for box in picture.boxes:
            row = {"id": len(labels["annotations"]) + 1, "image_id": number, "category_id": 1, "bbox": box}
            labels["annotations"].append(row | {"area": box[2] * box[3], "iscrowd": 0})
    (HERE / "val.json").write_text(json.dumps(labels, indent=1) + "\n")


def _save(pictures, folder: Path) -> dict[str, Picture]:
    folder.mkdir(exist_ok=True)
    named = {f"{number:03}.jpg": picture for number, picture in enumerate(pictures, start=1)}
    for name, picture in named.items():
        Image.fromarray(picture.pixels).save(folder / name, quality=80)
    return named


def train(work: Path) -> None:
    """Train, and write the weights in half precision."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    model, material = build(1), training_material()
    fit(model, lambda step: draw_batch(material, SEED, step, BATCH, SIDE), ANCHORS, STEPS, RATE, work / "checkpoint.pt")
    state = model.state_dict().items()
    values = {name: value.half() if value.is_floating_point() else value for name, value in state}
    save_file({name: value.contiguous() for name, value in values.items()}, WEIGHTS)
    print(WEIGHTS.name, hashlib.sha256(WEIGHTS.read_bytes()).hexdigest())


def draw_batch(material: Material, seed: int, step: int, count: int, side: int) -> tuple[Tensor, Tensor]:
    """Draw the pictures of one step, [count, 3, side, side], and rows of (image, class, x1, y1, x2, y2)."""
    images, rows = [], []
    for place in range(count):
        picture = draw_one(material, np.random.default_rng((seed, step, place)), (side, side))
        images.append(torch.from_numpy(picture.pixels))
        rows += [(place, 0, x, y, x + w, y + h) for x, y, w, h in picture.boxes]
    pixels = torch.stack(images).permute(0, 3, 1, 2).float() / 255
    return pixels, torch.tensor(rows, dtype=torch.float32).view(-1, 6)


def measure() -> None:
    """Print what the checked-in weights score on val/."""
    model = build(1)
    model.load_state_dict(load_file(WEIGHTS))
    model.eval()

    def run(feed: Mapping[str, NDArray[np.float32]]) -> Mapping[str, NDArray[np.float32]]:
        with torch.no_grad():
            maps = model(torch.from_numpy(feed["images"]))
        return {f"p{stride}": found.numpy() for stride, found in zip(STRIDES, maps, strict=True)}

    source = DataSource(images=HERE / "val", coco=HERE / "val.json")
    print(evaluate_detector(run, source, SETTINGS, Evaluate(anchors=ANCHORS)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["data"]:
            make_data()
        case ["train", folder]:
            train(Path(folder))
        case ["measure"]:
            measure()
        case _:
            raise SystemExit("usage: train.py data | train FOLDER_FOR_CHECKPOINTS | measure")
