"""Train a detector with raw YOLO heads on batches that are drawn anew in every step."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from compiler.training.losses.detection import detection_loss

Batches = Callable[[int], tuple[Tensor, Tensor]]
"""Draws the images [n, 3, height, width] of a step, from 0 to 1, and rows of (image, class, x1, y1, x2, y2)."""

WARM_UP, LAST_SHARE, WEIGHT_DECAY, LONGEST_GRADIENT = 100, 0.01, 0.02, 10.0
_TOLD = 100
"""Steps between two lines of progress, and between two checkpoints."""


def fit(  # noqa: PLR0913, PLR0917 - what is trained, on what, and for how long
    model: nn.Module,
    batches: Batches,
    anchors: Sequence[Sequence[float]],
    steps: int,
    rate: float,
    kept: Path | None = None,
) -> None:
    """Train with AdamW, the rate falling along a cosine; where `kept` exists, go on from there.

    Convolutions compute in bfloat16, which halves the time on a processor that has it.
    """
    model.train().to(memory_format=torch.channels_last)
    flat = [value for value in model.parameters() if value.ndim == 1]
    deep = [value for value in model.parameters() if value.ndim > 1]
    groups = [{"params": deep, "weight_decay": WEIGHT_DECAY}, {"params": flat, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    for step in range(_resume(kept, model, optimizer), steps):
        share = LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / WARM_UP) * share
        images, boxes = batches(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            heads = model(images.contiguous(memory_format=torch.channels_last))
        loss = detection_loss(heads, boxes, anchors, (images.shape[2], images.shape[3]), lambda count: count)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LONGEST_GRADIENT)
        optimizer.step()
        if (step + 1) % _TOLD == 0 or step + 1 == steps:
            print(f"step {step + 1} of {steps}: loss {loss.item():.3f}", flush=True)
            _keep(kept, model, optimizer, step + 1)


def _resume(kept: Path | None, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    if kept is None or not kept.exists():
        return 0
    parts = torch.load(kept, weights_only=True)
    model.load_state_dict(parts["model"])
    optimizer.load_state_dict(parts["optimizer"])
    return int(parts["step"])


def _keep(kept: Path | None, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint beside the old one and put it in its place, so that one is always whole."""
    if kept is None:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(parts, kept.with_suffix(".new"))
    kept.with_suffix(".new").rename(kept)
