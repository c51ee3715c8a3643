"""Cross entropy with label smoothing."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.training.batches import Batch

_SMALLEST = 1e-12


def classification_loss(
    scores: Tensor, batch: Batch, smoothing: float, share: Callable[[Tensor], Tensor], *, are_shares: bool
) -> Tensor:
    """Return the mean cross entropy of the labelled images; scores are [n, classes], raw or already shares of 1.

    Smoothing e asks for 1 - e of certainty and spreads e evenly over all classes (Szegedy et al. 2016). `share`
    turns a count into its mean over the processes that train together.
    """
    flat = scores.float().flatten(1)
    logs = flat.clamp_min(_SMALLEST).log() if are_shares else F.log_softmax(flat, 1)
    counted = batch.labels >= 0
    count = share(counted.sum().float()).clamp_min(_SMALLEST)
    picked, truth = logs[counted], batch.labels[counted]
    certain = -torch.gather(picked, 1, truth[:, None]).sum() / count
    return (1 - smoothing) * certain - smoothing * picked.mean(1).sum() / count
