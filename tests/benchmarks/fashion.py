"""A classifier of Fashion-MNIST's photographs: its data for recipes, and its training.

    python -m tests.benchmarks.fashion OUT.onnx        two to three minutes on one core

The data is Debian's package dataset-fashion-mnist (Xiao et al. 2017, MIT). The network has depthwise convolutions and
residual additions, as networks for boards have.
"""

import gzip
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.ir import Array

CLOTHES = Path("/usr/share/datasets/fashion-mnist")
IMAGES, EPOCHS, BATCH = 30_000, 4, 100


class Clothes:
    """A sequence of labelled photographs."""

    def __init__(self, part: str, first: int, count: int) -> None:
        self._images, self._labels = read(part)
        self._first, self._count = first, count

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def __getitem__(self, index: int) -> Mapping[str, object]:
        """Give one: the image in grey, and its class."""
        place = self._first + index
        return {"image": self._images[place][..., None], "label": int(self._labels[place])}


def clothes(part: str, first: int, count: int) -> Clothes:
    """Open a part, `train` or `t10k`, from a place on."""
    return Clothes(part, first, count)


def read(part: str) -> tuple[Array, Array]:
    """Read photographs [count, 28, 28] and labels [count]."""
    if not CLOTHES.is_dir():
        raise SystemExit(f"{CLOTHES} is missing: install Debian's package dataset-fashion-mnist")
    images = np.frombuffer(gzip.decompress((CLOTHES / f"{part}-images-idx3-ubyte.gz").read_bytes()), np.uint8, -1, 16)
    labels = np.frombuffer(gzip.decompress((CLOTHES / f"{part}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, -1, 8)
    return images.reshape(-1, 28, 28), labels


@dataclass(frozen=True)
class Course:
    """How a network is made: what its weights start from, what it sees, and its activation, `ReLU6` or `ReLU`."""

    seed: int = 7
    images: int = IMAGES
    epochs: int = EPOCHS
    activation: str = "ReLU6"


def train(file: Path, course: Course = Course()) -> None:
    """Train on the first photographs, and write the network."""
    import torch
    from torch.nn import functional

    torch.manual_seed(course.seed)
    torch.set_num_threads(1)
    images, labels = read("train")
    pixels = torch.from_numpy(images[: course.images].astype(np.float32) / 255)[:, None]
    truth = torch.from_numpy(labels[: course.images].astype(np.int64))
    network = _network(course.activation)
    steps = course.epochs * course.images // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), 0.004, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.004, steps)
    for epoch in range(course.epochs):
        loss = torch.zeros(())
        for some in torch.randperm(course.images).reshape(-1, BATCH):
            batch = pixels[some]
            batch = torch.where(torch.rand(len(batch), 1, 1, 1) < 0.5, batch.flip(3), batch)
            loss = functional.cross_entropy(network(batch), truth[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss {float(loss.detach()):.3f}", flush=True)
    network.eval()
    torch.onnx.export(
        network,
        (pixels[:1],),
        str(file),
        input_names=["image"],
        output_names=["scores"],
        opset_version=13,
        dynamo=False,
    )


def _network(activation: str) -> Any:
    """Stem, three stages of residual depthwise blocks, a mean over the image, a linear layer."""
    from torch import nn

    bend = getattr(nn, activation)

    def layer(before: int, after: int, kernel: int, stride: int, group: int) -> list[Any]:
        conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=group, bias=False)
        return [conv, nn.BatchNorm2d(after)]

    class Block(nn.Module):
        """Widen, filter each channel, narrow; and what went in is added where shapes allow."""

        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            wide = before * 3
            self.body = nn.Sequential(
                *layer(before, wide, 1, 1, 1), bend(),
                *layer(wide, wide, 3, stride, wide), bend(),
                *layer(wide, after, 1, 1, 1),
            )  # fmt: skip
            self.is_residual = before == after

        def forward(self, x: Any) -> Any:
            return x + self.body(x) if self.is_residual else self.body(x)

    return nn.Sequential(
        *layer(1, 16, 3, 2, 1), bend(),
        Block(16, 24, 1), Block(24, 24, 1), Block(24, 40, 2), Block(40, 40, 1), Block(40, 40, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 10),
    )  # fmt: skip


if __name__ == "__main__":
    train(Path(sys.argv[1]))
