"""A small trained autoencoder of photographs with 5x5 convolutions of both kinds, for layers that no recipe has."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from compiler.ir import Array

PICTURES = Path(__file__).parents[2] / "recipes" / "quickstart"
SIDE, STEPS, BATCH = 64, 600, 16


def train(file: Path, count: int) -> tuple[list[Array], list[Array]]:
    """Train on the quickstart's pictures for a minute and write the network; give pieces of those, and of others."""
    import torch
    from torch import nn

    torch.manual_seed(7)
    torch.set_num_threads(1)
    rng = np.random.default_rng(7)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(),
        nn.Conv2d(32, 24, 5, 1, 2), nn.ReLU(),
        nn.ConvTranspose2d(24, 16, 5, 2, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 3, 5, 2, 2, 1),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 0.002)
    photographs = _photographs("train")
    loss = torch.zeros(())
    for _ in range(STEPS):
        batch = torch.from_numpy(np.concatenate([_piece(photographs, rng) for _ in range(BATCH)]))
        loss = torch.nn.functional.mse_loss(network(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"autoencoder: loss {float(loss.detach()):.4f}", flush=True)
    known, unseen = ([_piece(each, rng) for _ in range(count)] for each in (photographs, _photographs("val")))
    torch.onnx.export(
        network,
        (torch.from_numpy(known[0]),),
        str(file),
        input_names=["image"],
        output_names=["copy"],
        opset_version=13,
        dynamo=False,
    )
    return known, unseen


def _photographs(folder: str) -> list[Array]:
    return [_pixels(Image.open(file).convert("RGB")) for file in sorted((PICTURES / folder).glob("*.jpg"))]


def _pixels(image: Any) -> Array:
    """Give a picture as [3, height, width] from 0 to 1."""
    pixels: Array = np.asarray(image, np.float32)
    return pixels.transpose(2, 0, 1) / 255


def _piece(photographs: list[Array], rng: np.random.Generator) -> Array:
    """Cut a square out of a photograph."""
    whole = photographs[int(rng.integers(len(photographs)))]
    height, width = int(whole.shape[1]), int(whole.shape[2])
    top, left = int(rng.integers(height - SIDE + 1)), int(rng.integers(width - SIDE + 1))
    return whole[None, :, top : top + SIDE, left : left + SIDE].copy()
