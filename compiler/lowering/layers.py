"""The layers that compute otherwise in training than in evaluation."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Norms = Literal["train", "frozen"]
"""Whether BatchNormalization uses its batch's statistics in training and updates the running ones, or never does."""
DropoutUse = Literal["off", "active"]


class BatchNorm(nn.Module):
    """BatchNormalization: running statistics in evaluation, the batch's own in training unless frozen.

    `momentum` is torch's, the share that a batch gets: 1 minus ONNX's. As in torch, the running variance takes in the
    batch's unbiased estimate.
    """

    def __init__(self, epsilon: float, momentum: float, norms: Norms) -> None:
        super().__init__()
        self.epsilon, self.momentum, self.norms = epsilon, momentum, norms

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        """Normalise, scale and shift."""
        is_training = self.training and self.norms == "train"
        return F.batch_norm(x, mean, var, scale, shift, is_training, self.momentum, self.epsilon)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"epsilon={self.epsilon}, momentum={self.momentum}, norms={self.norms}"


class Dropout(nn.Module):
    """Dropout that is active in training only."""

    def __init__(self, ratio: float) -> None:
        super().__init__()
        self.ratio = ratio

    def forward(self, x: Tensor) -> Tensor:
        """Drop a share of the values and scale up the rest."""
        return F.dropout(x, self.ratio, self.training)
