"""Make the images (`train.py data`), train the detector (`train.py train`), try filters out (`train.py measure`)."""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import network
import numpy as np
import onnx
import onnxruntime
import torch
from drawing import Picture, draw, training_material, validation_material
from export import export
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from compiler.data import DataSource, Evaluate, Preprocess, evaluate_detector, prepare

HERE = Path(__file__).parent
MODEL = HERE / "detector.onnx"
SETTINGS = Preprocess(size=(160, 160))
ANCHORS = tuple(tuple(side for anchor in head for side in anchor) for head in network.ANCHORS)
SEED, IMAGES, STEPS, BATCH = 7, 4000, 1500, 32
RANK_AT = 0.4
"""Part of the training after which the weak filters are picked and start to shrink."""


def make_data() -> None:
    """Write calib/, train/, val/ and val.json; the same library versions write the same bytes."""
    _save(draw(training_material(), SEED + 1, 16), HERE / "calib")
    _save(draw(training_material(), SEED + 3, 128), HERE / "train")
    pictures = _save(draw(validation_material(), SEED + 2, 40), HERE / "val")
    labels = {
        "images": [
            {"id": number, "file_name": name, "width": picture.pixels.shape[1], "height": picture.pixels.shape[0]}
            for number, (name, picture) in enumerate(pictures.items(), start=1)
        ],
        "annotations": [],
        "categories": [{"id": 1, "name": "digit"}],
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
        Image.fromarray(picture.pixels).save(folder / name, quality=90)
    return named


def train() -> None:
    """Train on drawn pictures, write detector.onnx, and print what it and its pruned versions score."""
    torch.set_num_threads(2)
    torch.manual_seed(SEED)
    images, boxes = _training_set()
    model = network.Detector()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.02)
    generator = torch.Generator().manual_seed(SEED)
    factors: dict[str, torch.Tensor] = {}
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 4e-3 * min(1, (step + 1) / 60) * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        rows = torch.randint(len(images), (BATCH,), generator=generator)
        truth = torch.cat([_numbered(place, boxes[row]) for place, row in enumerate(rows.tolist())])
        loss = network.detection_loss(model(images[rows].float() / 255), truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        if step == int(RANK_AT * STEPS):
            factors = network.rank_filters(model)
        network.shrink_filters(model, factors)
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    export(model.eval(), images[:1].float() / 255, MODEL)
    measure()


def _training_set() -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Draw the training pictures; boxes become centres and sizes in input pixels."""
    images, boxes = [], []
    for picture in draw(training_material(), SEED, IMAGES):
        array, geometry = prepare(Image.fromarray(picture.pixels), SETTINGS)
        images.append((array[0] * 255).round().astype(np.uint8))
        true = np.array(picture.boxes)
        corners = geometry.to_input(np.concatenate([true[:, :2], true[:, :2] + true[:, 2:]], 1))
        middle = (corners[:, :2] + corners[:, 2:]) / 2
        boxes.append(torch.tensor(np.concatenate([middle, corners[:, 2:] - corners[:, :2]], 1), dtype=torch.float32))
    return torch.from_numpy(np.stack(images)), boxes


def _numbered(place: int, boxes: torch.Tensor) -> torch.Tensor:
    """Put the place of the image in the batch before each of its boxes."""
    return torch.cat([torch.full((len(boxes), 1), float(place)), boxes], 1)


def measure() -> None:
    """Print what the checked-in model scores whole, and with its filters of least sum |w| silenced layer by layer."""
    for part in (0, 0.125, 0.25, 0.375, 0.5):
        program = onnx.load(MODEL)
        _silence(program.graph, part)
        scores = _score(program.SerializeToString())
        print(f"{part:6.1%} of the filters silenced: ap50 {scores['ap50']:.3f}, ap {scores['ap']:.3f}")


def _silence(graph: onnx.GraphProto, part: float) -> None:
    """Zero the scale and shift of the weakest filters; channels that an addition joins go together."""
    at = {initializer.name: initializer for initializer in graph.initializer}
    for names in network.COUPLED:
        sums = [np.abs(numpy_helper.to_array(at[f"{name}.weight"])).sum((1, 2, 3)) for name in names]
        strength = np.sum(sums, axis=0)
        weak = np.argsort(strength, kind="stable")[: int(part * len(strength))]
        for tensor in (at[f"{name}_norm.{kind}"] for name in names for kind in ("weight", "bias")):
            values = numpy_helper.to_array(tensor).copy()
            values[weak] = 0
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _score(program: bytes) -> dict[str, float]:
    session = onnxruntime.InferenceSession(program, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(feed: Mapping[str, NDArray[np.float32]]) -> Mapping[str, NDArray[np.float32]]:
        return dict(zip(names, session.run(names, dict(feed)), strict=True))

    source = DataSource(images=HERE / "val", coco=HERE / "val.json")
    return evaluate_detector(run, source, SETTINGS, Evaluate(anchors=ANCHORS))


if __name__ == "__main__":
    commands = {"data": make_data, "train": train, "measure": measure}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(f"usage: train.py {'|'.join(commands)}")
    commands[sys.argv[1]]()
