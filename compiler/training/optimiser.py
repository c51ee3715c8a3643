"""The optimiser, and how its rate goes over the steps."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from compiler.training.options import TrainingOptions


def make_optimiser(
    parameters: Iterable[tuple[str, nn.Parameter]], decayed: frozenset[str], options: TrainingOptions, rate: float
) -> torch.optim.Optimizer:
    """Set an optimiser up over the named parameters; those in `decayed` are pulled towards zero."""
    named = [(name, value) for name, value in parameters if value.requires_grad]
    groups = [
        {"params": [value for name, value in named if name in decayed], "weight_decay": options.weight_decay},
        {"params": [value for name, value in named if name not in decayed], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if options.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate)
    return torch.optim.SGD(groups, lr=rate, momentum=options.momentum, nesterov=options.momentum > 0)


def rate_at(step: int, steps_per_epoch: int, options: TrainingOptions, rate: float) -> float:
    """Return the rate of a step: a straight rise over the warm-up, then the schedule down to its end."""
    warm = options.warmup * steps_per_epoch
    total = options.epochs * steps_per_epoch
    if step + 1 < warm:
        return rate * (step + 1) / warm
    part = min(1.0, max(0.0, (step - warm) / max(total - warm, 1.0)))
    left = {
        "cosine": 0.5 * (1 + math.cos(math.pi * part)),
        "linear": 1 - part,
        "constant": 1.0,
    }[options.schedule]
    if options.schedule == "constant":
        return rate
    return rate * (options.final_rate + (1 - options.final_rate) * left)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def shorten(optimiser: torch.optim.Optimizer, longest: float | None) -> None:
    """Shorten the whole gradient to a length, if one is given."""
    if longest is not None:
        tensors: list[Tensor] = [value for group in optimiser.param_groups for value in group["params"]]
        nn.utils.clip_grad_norm_(tensors, longest)
