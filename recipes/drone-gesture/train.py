"""Train the small pose network on drawn figures (`train.py train`), and print its PCKh (`train.py measure`)."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from drawing import HEAD, Figures, figures
from numpy.typing import NDArray
from torch import Tensor

from compiler.frontends.module_export import export_module

HERE = Path(__file__).parent
MODEL = HERE / "pose.onnx"
ARGS = {"num_joints": 16, "stem": 16, "stages": ((16, 2, 1), (24, 2, 2), (32, 2, 2), (48, 2, 2)), "upsampler": 64}
SEED, PICTURES, STEPS, BATCH, RATE = 7, 3000, 700, 32, 4e-3
SIGMA = 2.0
"""Width of a peak in cells: the one that the pass `finetune` takes for labels."""
PEAK_WEIGHT = 30.0
"""How much more a cell on a peak counts; without it the network first learns that nearly all cells are empty."""
STRIDE = 4


def train() -> None:
    """Train, write pose.onnx, and print what it scores."""
    sys.path.insert(0, str(HERE.parent / "models"))
    from pose_resnet import build

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images, points = _training_set(figures("train", PICTURES))
    model = build(**ARGS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.01)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / 60) * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        rows = torch.randint(len(images), (BATCH,))
        wanted = _peaks(points[rows])
        loss = ((1 + PEAK_WEIGHT * wanted) * (model(images[rows].float() / 255) - wanted).square()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    onnx.save(export_module(model.eval(), {"images": (1, 3, 128, 128)}, HERE.parent / "models/pose_resnet.py"), MODEL)
    measure()


def _training_set(drawn: Figures) -> tuple[Tensor, Tensor]:
    examples = [drawn[number] for number in range(len(drawn))]
    images = np.stack([np.transpose(example["image"], (2, 0, 1)) for example in examples])
    points = np.stack([example["keypoints"][0, :, :2] for example in examples])
    return torch.from_numpy(images), torch.tensor(points, dtype=torch.float32)


def _peaks(points: Tensor) -> Tensor:
    """Draw each joint as a bell, exp(-d^2 / (2 sigma^2)), d in cells."""
    cells = torch.arange(128 // STRIDE)
    x, y = ((points[:, :, axis, None] / STRIDE - cells).square() for axis in (0, 1))
    return torch.exp(-(y[:, :, :, None] + x[:, :, None, :]) / (2 * SIGMA**2))


def measure() -> None:
    """Print the share of joints within half a head's length, over the validation figures and joint by joint."""
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    hits = np.stack([_hits(session, example) for example in map(figures("validation", 200).__getitem__, range(200))])
    print(f"PCKh@0.5 {hits.mean():.3f} over {hits.size} joints; {MODEL.stat().st_size:,} bytes")
    print("by joint: " + " ".join(f"{share:.2f}" for share in hits.mean(0)))


def _hits(session: onnxruntime.InferenceSession, example: Mapping[str, NDArray]) -> NDArray[np.bool_]:
    (maps,) = session.run(None, {"images": np.transpose(example["image"], (2, 0, 1))[None].astype(np.float32) / 255})
    row, column = np.divmod(maps[0].reshape(16, -1).argmax(1), maps.shape[3])
    true = example["keypoints"][0, :, :2]
    apart = np.linalg.norm(np.stack([column, row], 1) * STRIDE - true, axis=1)
    return apart <= 0.5 * np.linalg.norm(np.subtract(*true[list(HEAD)]))


if __name__ == "__main__":
    commands = {"train": train, "measure": measure}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(f"usage: train.py {'|'.join(commands)}")
    commands[sys.argv[1]]()
