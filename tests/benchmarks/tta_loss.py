"""Heat maps against labelled joints, with more weight on the peaks: what the networks of tta_rk3399.py learn from."""

from collections.abc import Mapping

import torch
from torch import Tensor

from compiler.training.batches import Batch
from compiler.training.losses.keypoints import SIGMA

PEAK_WEIGHT = 30.0
"""How much more a cell on a peak counts; without it a network first learns that nearly all cells are empty."""


def peaks(outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """Return the mean over labelled joints of mean((1 + 30 peak) (map - peak)^2); 0 where none is labelled."""
    (maps,) = outputs.values()
    points = batch.keypoints
    if points.shape[1] == 0:
        return maps.float().sum() * 0
    (rows, columns), (height, width) = maps.shape[2:], batch.inputs[0].shape[2:]
    x = points[:, :, 0, None] * (columns / width) - torch.arange(columns, device=maps.device)
    y = points[:, :, 1, None] * (rows / height) - torch.arange(rows, device=maps.device)
    wanted = torch.exp(-(y.square()[:, :, :, None] + x.square()[:, :, None, :]) / (2 * SIGMA**2))
    errors = ((1 + PEAK_WEIGHT * wanted) * (maps.float() - wanted).square()).mean((2, 3))
    labelled = (points[:, :, 2] > 0).float()
    return (errors * labelled).sum() / labelled.sum().clamp(min=1)
