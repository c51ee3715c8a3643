"""Complete intersection over union of boxes (CIoU)."""

import math

import torch
from torch import Tensor

_TINY = 1e-7


def complete_iou(found: Tensor, true: Tensor) -> Tensor:
    """Return IoU - d^2 / c^2 - a v for pairs of boxes [n, 4] given as centre and size.

    d is the distance of the centres, c the diagonal of the smallest box around both, and
    v = (4 / pi^2) (atan(w'/h') - atan(w/h))^2 compares proportions, weighed by a = v / (1 - IoU + v)
    (Zheng et al., "Distance-IoU Loss", AAAI 2020).
    """
    low, high = found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2
    true_low, true_high = true[:, :2] - true[:, 2:] / 2, true[:, :2] + true[:, 2:] / 2
    shared = (torch.minimum(high, true_high) - torch.maximum(low, true_low)).clamp(0).prod(1)
    union = found[:, 2:].prod(1) + true[:, 2:].prod(1) - shared + _TINY
    overlap = shared / union
    hull = torch.maximum(high, true_high) - torch.minimum(low, true_low)
    apart = (found[:, :2] - true[:, :2]).square().sum(1) / (hull.square().sum(1) + _TINY)
    shape = torch.atan(true[:, 2] / (true[:, 3] + _TINY)) - torch.atan(found[:, 2] / (found[:, 3] + _TINY))
    bent = (4 / math.pi**2) * shape.square()
    with torch.no_grad():
        weight = bent / (1 - overlap + bent + _TINY)
    return overlap - apart - weight * bent
