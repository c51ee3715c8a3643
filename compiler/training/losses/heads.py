"""The distance from a teacher for raw YOLO heads: what counts is where the teacher sees something.

In most cells there is nothing, and what a head says there of boxes and classes means nothing. So these are compared
in proportion to the teacher's objectness (Mehta and Ozturk, "Object detection at 200 Frames Per Second", 2018), and
objectness itself as the probability that it stands for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_FLAT = 1e-9


@dataclass(frozen=True)
class HeadSpread:
    """How far a head is off that always says the teacher's mean: the unit of its distances."""

    anchors: int
    divergence: float
    """Mean Kullback-Leibler divergence of objectness."""
    variance: float
    """Variance of boxes and classes, weighed by objectness."""


def head_spread(outputs: Iterable[Tensor], anchors: int) -> HeadSpread:
    """Measure a teacher's head over some batches."""
    cells = [_cells(output, anchors).double() for output in outputs]
    seen = torch.cat([part[:, :, 4].sigmoid().flatten() for part in cells])
    base = _entropy(seen.mean()) - _entropy(seen).mean()
    values = torch.cat([_values(part).flatten(0, 3) for part in cells])
    weight = seen[:, None] / seen.sum().clamp_min(_FLAT)
    mean = (weight * values).sum(0)
    variance = (weight * (values - mean).square()).sum(0).mean()
    return HeadSpread(anchors, max(float(base), _FLAT), max(float(variance), _FLAT))


def head_distance(
    student: Mapping[str, Tensor],
    teacher: Mapping[str, Tensor],
    heads: Mapping[str, HeadSpread],
    share: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the mean over heads of half of each: the distance of objectness, and of boxes and classes.

    Objectness: mean KL(t, s) / KL(t, mean of t). Boxes and classes: sum of t (s - t)^2 / sum of t / variance.
    As for other outputs, 1 is as wrong as always saying the mean. `share` turns a sum into its mean over the processes
    that train together.
    """
    parts: list[Tensor] = []
    for name, spread in heads.items():
        ours, theirs = _cells(student[name].float(), spread.anchors), _cells(teacher[name].float(), spread.anchors)
        seen = theirs[:, :, 4].sigmoid()
        crossed = F.binary_cross_entropy_with_logits(ours[:, :, 4], seen)
        parts.append((crossed - _entropy(seen).mean()) / spread.divergence)
        errors = (_values(ours) - _values(theirs)).square().mean(-1)
        parts.append((seen * errors).sum() / (share(seen.sum()).clamp_min(_FLAT) * spread.variance))
    return torch.stack(parts).mean()


def fits(shape: Sequence[int], anchors: int) -> bool:
    """Tell whether a head has five numbers and at least one class for each anchor."""
    return len(shape) == 4 and shape[1] % anchors == 0 and shape[1] // anchors > 5


def _cells(head: Tensor, anchors: int) -> Tensor:
    """View a head as [n, anchors, 5 + classes, rows, columns]."""
    images, channels, rows, columns = head.shape
    return head.reshape(images, anchors, channels // anchors, rows, columns)


def _values(cells: Tensor) -> Tensor:
    """Put boxes and classes last: [n, anchors, rows, columns, 4 + classes]."""
    return torch.cat([cells[:, :, :4], cells[:, :, 5:]], 2).movedim(2, -1)


def _entropy(p: Tensor) -> Tensor:
    """Return the entropy of probabilities; none at 0 and 1."""
    return -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p))
