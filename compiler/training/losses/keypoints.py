"""Weighted mean squared error on heat maps."""

import torch
from torch import Tensor

from compiler.training.batches import Batch

SIGMA = 2.0
"""Width of a peak in cells, as in Simple Baselines (Xiao et al. 2018) for maps of 64 cells."""


def keypoint_loss(maps: Tensor, batch: Batch, size: tuple[int, int]) -> Tensor:
    """Return half the mean over keypoints of w * mean((map - peak)^2), w being 0 for points that are not labelled.

    The peak is exp(-d^2 / (2 sigma^2)) with d the distance in cells from the true place; a cell's number times the
    stride is its place. Maps are [n, k, rows, columns], `size` is (height, width) of the input.
    """
    rows, columns = maps.shape[2:]
    if batch.keypoints.shape[1] == 0:
        return maps.float().sum() * 0
    x = batch.keypoints[:, :, 0, None] * (columns / size[1]) - torch.arange(columns, device=maps.device)
    y = batch.keypoints[:, :, 1, None] * (rows / size[0]) - torch.arange(rows, device=maps.device)
    peaks = torch.exp(-(y.square()[:, :, :, None] + x.square()[:, :, None, :]) / (2 * SIGMA**2))
    labelled = (batch.keypoints[:, :, 2] > 0).float()
    errors = (maps.float() - peaks).square().mean((2, 3))
    return 0.5 * (errors * labelled).mean()
