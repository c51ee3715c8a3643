"""The distance from a teacher: squared differences, each tensor measured by the spread of the teacher's own values."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

_FLAT = 1e-12


def spreads(outputs: Iterable[Mapping[str, Tensor]], names: Sequence[str]) -> dict[str, float]:
    """Measure the variance of each of a teacher's tensors over some batches; 1 for a tensor that never varies."""
    count = dict.fromkeys(names, 0)
    total, squares = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for made in outputs:
        for name in names:
            values = made[name].double()
            count[name] += values.numel()
            total[name] += float(values.sum())
            squares[name] += float(values.square().sum())
    found: dict[str, float] = {}
    for name in names:
        mean = total[name] / max(count[name], 1)
        variance = squares[name] / max(count[name], 1) - mean**2
        found[name] = variance if variance > _FLAT * max(mean**2, 1.0) else 1.0
    return found


def distance(student: Mapping[str, Tensor], teacher: Mapping[str, Tensor], spread: Mapping[str, float]) -> Tensor:
    """Return the mean over tensors of mean((s - t)^2) / variance: 1 is as wrong as always saying the mean.

    By this every output weighs the same, whatever its scale and size.
    """
    parts = [
        (student[name].float() - teacher[name].float()).square().mean() / variance for name, variance in spread.items()
    ]
    return torch.stack(parts).mean()
