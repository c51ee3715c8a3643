"""Exponential moving average of a module's values over the steps."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """Keeps a smoothed copy of every parameter and running statistic; memory of one more network.

    Early steps count more: the share of what was is min(decay, (1 + n) / (10 + n)) after n steps, so that a short
    training does not end near where it began.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's present values."""
        self.steps += 1
        share = min(self._decay, (1 + self.steps) / (10 + self.steps))
        for name, value in module.state_dict().items():
            kept = self.values[name]
            if kept.is_floating_point():
                kept.lerp_(value.to(kept.dtype), 1 - share)
            else:
                kept.copy_(value)

    def state(self) -> dict[str, object]:
        """Return what a checkpoint holds."""
        return {"steps": self.steps, "values": self.values}

    @torch.no_grad()
    def load(self, steps: int, values: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.steps = steps
        for name, kept in self.values.items():
            kept.copy_(values[name])
