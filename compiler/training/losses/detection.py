"""The loss of raw YOLO heads: CIoU of boxes, objectness, classes.

The formulas are those of YOLOv5 and of YOLOv7's plain heads (ultralytics/yolov5 `utils/loss.py`, WongKinYiu/yolov7
`utils/loss.py`, class ComputeLoss), written anew for heads as a network puts them out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.training.losses.boxes import complete_iou

BOX, OBJECT, CLASS = 0.05, 1.0, 0.5
"""Weights of the three parts, for 80 classes, three heads and inputs of 640 pixels, as published."""
BALANCE = (4.0, 1.0, 0.4, 0.1, 0.05)
"""Weights of the objectness of each head, finest grid first: small objects are many and their cells more so."""
LARGEST_RATIO = 4.0
"""An anchor takes a box when no side is more than this many times longer or shorter."""
NOMINAL = 64.0
"""The published rates are for the sum over 64 images; a mean is brought to that scale."""

Share = Callable[[Tensor], Tensor]
"""Turns a count of this process into the mean count over all processes that train together."""


@dataclass(frozen=True, eq=False)
class _Targets:
    """Boxes given to cells: for each, the image, the anchor, the cell, the class, and centre and size in cells."""

    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    kind: Tensor
    boxes: Tensor
    """Centre relative to the cell's corner, then size."""


def detection_loss(
    heads: Sequence[Tensor], boxes: Tensor, anchors: Sequence[Sequence[float]], size: tuple[int, int], share: Share
) -> Tensor:
    """Return the loss of a batch.

    Heads are [n, anchors * (5 + classes), rows, columns], finest grid first, anchors in input pixels; `boxes` holds
    rows of (image, class, x1, y1, x2, y2) in input pixels; `size` is (height, width) of the input.
    """
    total = heads[0].new_zeros((), dtype=torch.float32)
    scale = 3 / len(heads)
    pixels = (size[0] * size[1]) / 640**2
    for head, flat, balance in zip(heads, anchors, BALANCE, strict=False):
        sizes = torch.tensor(flat, device=head.device).reshape(-1, 2)
        cells = _cells(head, len(sizes))
        classes = cells.shape[2] - 5
        rows, columns = cells.shape[3:]
        stride = torch.tensor([size[1] / columns, size[0] / rows], device=head.device)
        targets = _assign(boxes, sizes / stride, stride, (rows, columns))
        box, wanted, kind = _box_parts(cells, targets, sizes / stride, share)
        seen = F.binary_cross_entropy_with_logits(cells[:, :, 4], wanted)
        total = total + BOX * scale * box + OBJECT * scale * pixels * balance * seen
        total = total + CLASS * scale * classes / 80 * kind
    return total * NOMINAL


def _cells(head: Tensor, anchors: int) -> Tensor:
    """View a head as [n, anchors, 5 + classes, rows, columns]."""
    images, channels, rows, columns = head.shape
    return head.float().reshape(images, anchors, channels // anchors, rows, columns)


def _box_parts(cells: Tensor, targets: _Targets, sizes: Tensor, share: Share) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss of boxes, the objectness that is wanted everywhere, and the loss of classes."""
    wanted = cells.new_zeros(cells[:, :, 4].shape)
    count = share(torch.tensor(float(len(targets.image)), device=cells.device)).clamp_min(1e-9)
    raw = cells[targets.image, targets.anchor, :, targets.row, targets.column]
    spread = raw[:, :4].sigmoid()
    centre, extent = 2 * spread[:, :2] - 0.5, (2 * spread[:, 2:]).square() * sizes[targets.anchor]
    overlap = complete_iou(torch.cat([centre, extent], 1), targets.boxes)
    # Two boxes may have been given the same cell and anchor: the better overlap counts, in whatever order they come.
    place = ((targets.image * cells.shape[1] + targets.anchor) * cells.shape[3] + targets.row) * cells.shape[4]
    wanted.view(-1).scatter_reduce_(0, place + targets.column, overlap.detach().clamp(0), "amax")
    truth = F.one_hot(targets.kind, cells.shape[2] - 5).to(raw.dtype)
    kind = F.binary_cross_entropy_with_logits(raw[:, 5:], truth, reduction="sum") / (count * truth.shape[1])
    return (1 - overlap).sum() / count, wanted, kind


def _assign(boxes: Tensor, sizes: Tensor, stride: Tensor, grid: tuple[int, int]) -> _Targets:
    """Give each box to the anchors of like size, in its own cell and in the two cells nearest to its centre."""
    corners = boxes[:, 2:]
    centre, extent = (corners[:, :2] + corners[:, 2:]) / 2 / stride, (corners[:, 2:] - corners[:, :2]) / stride
    ratio = extent[:, None] / sizes[None]
    fits = torch.maximum(ratio, 1 / ratio.clamp_min(1e-9)).amax(2) < LARGEST_RATIO
    box, anchor = fits.nonzero(as_tuple=True)
    middle = centre[box]
    side = torch.where(middle % 1 < 0.5, -1.0, 1.0)
    flat = torch.zeros_like(side[:, 0])
    beside, above = torch.stack([side[:, 0], flat], 1), torch.stack([flat, side[:, 1]], 1)
    shifts = torch.stack([torch.zeros_like(side), beside, above])
    cell = (middle.floor() + shifts).flatten(0, 1)
    box, anchor = box.repeat(3), anchor.repeat(3)
    limit = cell.new_tensor([grid[1], grid[0]])
    inside = ((cell >= 0) & (cell < limit)).all(1)
    cell, box, anchor = cell[inside], box[inside], anchor[inside]
    column, row = cell.long().unbind(1)
    place = torch.cat([centre[box] - cell, extent[box]], 1)
    return _Targets(boxes[box, 0].long(), anchor, row, column, boxes[box, 1].long(), place)
