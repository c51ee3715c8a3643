"""The quickstart's detector, its loss, and the decay that makes its weakest filters unimportant."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (8, 16)
ANCHORS = (((11.0, 15.0), (15.0, 20.0), (20.0, 26.0)), ((25.0, 33.0), (33.0, 41.0), (40.0, 52.0)))

COUPLED = (
    ("stem",),
    ("stage1_conv1", "stage1_conv2"),
    ("stage2_conv1", "stage2_conv2"),
    ("stage3_conv1", "stage3_conv2"),
    ("neck_reduce",),
    ("neck_fuse",),
    ("head8",),
    ("head16",),
)
"""Blocks whose channels live and die together, because an addition joins them."""


class Block(nn.Module):
    """Convolution, BatchNormalization, LeakyReLU."""

    def __init__(self, taken: int, given: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(given, eps=1e-3, momentum=0.05)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the three in turn."""
        return self.act(self.norm(self.conv(x)))


class Detector(nn.Module):
    """Three stages with a residual each, a nearest-neighbour way back up, and two raw YOLO heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block(3, 16, stride=2)
        self.pool = nn.MaxPool2d(2)
        self.stage1_conv1, self.stage1_conv2 = Block(16, 32), Block(32, 32)
        self.stage2_conv1, self.stage2_conv2 = Block(32, 64, stride=2), Block(64, 64)
        self.stage3_conv1, self.stage3_conv2 = Block(64, 64, stride=2), Block(64, 64)
        self.neck_reduce = Block(64, 48, kernel=1)
        self.neck_up = nn.Upsample(scale_factor=2.0)
        self.neck_fuse = Block(112, 48, kernel=1)
        self.head8, self.head16 = Block(48, 64), Block(64, 64)
        self.p8, self.p16 = nn.Conv2d(64, 18, 1), nn.Conv2d(64, 18, 1)
        for head in (self.p8, self.p16):
            # Nearly all cells are empty, so the first guess is "nothing here".
            nn.init.constant_(head.bias.view(3, 6)[:, 4], -4.5)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the raw heads of stride 8 and 16."""
        x = self.stage1_conv1(self.pool(self.stem(images)))
        x = x + self.stage1_conv2(x)
        x = self.stage2_conv1(x)
        fine = x + self.stage2_conv2(x)
        x = self.stage3_conv1(fine)
        coarse = x + self.stage3_conv2(x)
        joined = torch.cat([self.neck_up(self.neck_reduce(coarse)), fine], dim=1)
        return self.p8(self.head8(self.neck_fuse(joined))), self.p16(self.head16(coarse))


def detection_loss(heads: tuple[Tensor, Tensor], boxes: Tensor) -> Tensor:
    """Return the loss of a batch; `boxes` holds rows of (image, centre x, centre y, width, height) in pixels."""
    total = heads[0].new_zeros(())
    for head, stride, anchors in zip(heads, STRIDES, ANCHORS, strict=True):
        cells = head.unflatten(1, (3, 6))
        sizes = head.new_tensor(anchors)
        picked, kind, row, column = _assign(boxes, sizes, stride, head.shape[-2:])
        wanted = torch.zeros_like(cells[:, :, 4])
        if len(picked):
            image = picked[:, 0].long()
            raw = cells[image, kind, :, row, column]
            spread = raw[:, :4].sigmoid()
            centre = (2 * spread[:, :2] - 0.5 + torch.stack([column, row], 1)) * stride
            overlap, penalty = _overlap(centre, (2 * spread[:, 2:]) ** 2 * sizes[kind], picked[:, 1:])
            wanted[image, kind, row, column] = overlap.detach().clamp(0)
            class_loss = F.binary_cross_entropy_with_logits(raw[:, 5], torch.ones_like(raw[:, 5]))
            total = total + 2 * (1 - overlap + penalty).mean() + 0.5 * class_loss
        every = F.binary_cross_entropy_with_logits(cells[:, :, 4], wanted, reduction="sum")
        total = total + every / max(len(picked), 1)
    return total


def _assign(boxes: Tensor, sizes: Tensor, stride: int, grid: torch.Size) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give each box to the anchors of like size, in its own cell and the two cells nearest to its centre."""
    ratio = boxes[:, None, 3:] / sizes[None]
    box, kind = (torch.maximum(ratio, 1 / ratio).amax(2) < 2.0).nonzero(as_tuple=True)
    centre = boxes[box, 1:3] / stride
    side = torch.where(centre % 1 < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(side[:, 0])
    shifts = torch.stack(
        [torch.zeros_like(side), torch.stack([side[:, 0], zero], 1), torch.stack([zero, side[:, 1]], 1)]
    )
    column, row = (centre.floor() + shifts).flatten(0, 1).long().unbind(1)
    inside = (column >= 0) & (row >= 0) & (column < grid[1]) & (row < grid[0])
    return boxes[box.repeat(3)[inside]], kind.repeat(3)[inside], row[inside], column[inside]


def _overlap(centre: Tensor, size: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Return the intersection over union of box pairs, and how far apart their centres are (0 to 1)."""
    low, high = centre - size / 2, centre + size / 2
    true_low, true_high = true[:, :2] - true[:, 2:] / 2, true[:, :2] + true[:, 2:] / 2
    shared = (torch.minimum(high, true_high) - torch.maximum(low, true_low)).clamp(0).prod(1)
    union = size.prod(1) + true[:, 2:].prod(1) - shared
    hull = torch.maximum(high, true_high) - torch.minimum(low, true_low)
    return shared / union, (centre - true[:, :2]).square().sum(1) / hull.square().sum(1)


@torch.no_grad()
def rank_filters(model: Detector) -> dict[str, Tensor]:
    """Return for each block by what factor a filter shrinks at each step: 1 for strong ones, less for weak ones.

    Strength is sum |w| times the scale of the normalization, added up over coupled blocks. The weakest quarter shrinks
    at full speed, the eighth after it ever more slowly.
    """
    factors: dict[str, Tensor] = {}
    for names in COUPLED:
        blocks = [model.get_submodule(name) for name in names]
        strength = torch.stack([_strength(block) for block in blocks]).sum(0)
        place = strength.argsort().argsort() / len(strength)
        factors |= dict.fromkeys(names, 1 - 0.015 * ((0.375 - place) / 0.125).clamp(0, 1))
    return factors


@torch.no_grad()
def shrink_filters(model: Detector, factors: dict[str, Tensor]) -> None:
    """Shrink weak filters, and the scale and shift after them; weak is small here, not gone.

    A filter stops at a fifth of its layer's median sum |w|, a scale at a twentieth of the median scale.
    """
    for name, factor in factors.items():
        block = model.get_submodule(name)
        sums, scales = block.conv.weight.abs().sum((1, 2, 3)), block.norm.weight.abs()
        block.conv.weight.mul_(torch.where(sums > 0.2 * sums.median(), factor, 1.0).view(-1, 1, 1, 1))
        block.norm.weight.mul_(torch.where(scales > 0.05 * scales.median(), factor, 1.0))
        block.norm.bias.mul_(factor)


def _strength(block: nn.Module) -> Tensor:
    return block.conv.weight.abs().sum((1, 2, 3)) * block.norm.weight.abs()
