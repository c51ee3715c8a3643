"""YOLOv7-tiny in its deploy form: plain detect convolutions, one raw map for each stride.

The weights are our own seeded initialisation and have seen no training: a model from this file detects nothing
until a checkpoint is loaded. The network is the one of arXiv 2207.02696, written here from the table of its layers.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ANCHORS_PER_CELL = 3
BOX_AND_OBJECTNESS = 5
SLOPE = 0.1
PRIOR = 0.01
"""The share of cells that an untrained detector takes for objects."""


class ConvBlock(nn.Module):
    """A convolution that keeps the size at stride 1, then BatchNormalization and LeakyReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out, eps=1e-3, momentum=0.03)
        self.act = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Return act(norm(conv(x)))."""
        return self.act(self.norm(self.conv(x)))


class Elan(nn.Module):
    """Two branches of the input, the second taken two 3x3 convolutions deeper; all four maps are merged."""

    def __init__(self, channels_in: int, width: int, channels_out: int) -> None:
        super().__init__()
        self.side = ConvBlock(channels_in, width, 1)
        self.enter = ConvBlock(channels_in, width, 1)
        self.deep1 = ConvBlock(width, width, 3)
        self.deep2 = ConvBlock(width, width, 3)
        self.merge = ConvBlock(4 * width, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Merge the four maps, the deepest first."""
        side, enter = self.side(x), self.enter(x)
        deep1 = self.deep1(enter)
        return self.merge(torch.cat([self.deep2(deep1), deep1, enter, side], 1))


class SpatialPyramid(nn.Module):
    """Max pools of three sizes over one branch, merged with the other branch."""

    def __init__(self, channels_in: int, width: int) -> None:
        super().__init__()
        self.side = ConvBlock(channels_in, width, 1)
        self.enter = ConvBlock(channels_in, width, 1)
        self.pool5 = nn.MaxPool2d(5, 1, 2)
        self.pool9 = nn.MaxPool2d(9, 1, 4)
        self.pool13 = nn.MaxPool2d(13, 1, 6)
        self.squeeze = ConvBlock(4 * width, width, 1)
        self.merge = ConvBlock(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Pool the entered map at sizes 13, 9 and 5, squeeze, and merge with the side branch."""
        side, enter = self.side(x), self.enter(x)
        pooled = torch.cat([self.pool13(enter), self.pool9(enter), self.pool5(enter), enter], 1)
        return self.merge(torch.cat([self.squeeze(pooled), side], 1))


class Backbone(nn.Module):
    """From the image to the maps at strides 8, 16 and 32."""

    def __init__(self, wide: Callable[[int], int]) -> None:
        super().__init__()
        self.stem1 = ConvBlock(3, wide(32), 3, 2)
        self.stem2 = ConvBlock(wide(32), wide(64), 3, 2)
        self.stage4 = Elan(wide(64), wide(32), wide(64))
        self.pool8 = nn.MaxPool2d(2)
        self.stage8 = Elan(wide(64), wide(64), wide(128))
        self.pool16 = nn.MaxPool2d(2)
        self.stage16 = Elan(wide(128), wide(128), wide(256))
        self.pool32 = nn.MaxPool2d(2)
        self.stage32 = Elan(wide(256), wide(256), wide(512))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps at strides 8, 16 and 32."""
        at8 = self.stage8(self.pool8(self.stage4(self.stem2(self.stem1(images)))))
        at16 = self.stage16(self.pool16(at8))
        return at8, at16, self.stage32(self.pool32(at16))


class Neck(nn.Module):
    """Carry coarse maps up to the fine ones, then fine maps down again; the digits are strides."""

    def __init__(self, wide: Callable[[int], int]) -> None:
        super().__init__()
        self.pyramid32 = SpatialPyramid(wide(512), wide(256))
        self.reduce32 = ConvBlock(wide(256), wide(128), 1)
        self.lateral16 = ConvBlock(wide(256), wide(128), 1)
        self.up16 = Elan(wide(256), wide(64), wide(128))
        self.reduce16 = ConvBlock(wide(128), wide(64), 1)
        self.lateral8 = ConvBlock(wide(128), wide(64), 1)
        self.up8 = Elan(wide(128), wide(32), wide(64))
        self.shrink8 = ConvBlock(wide(64), wide(128), 3, 2)
        self.down16 = Elan(wide(256), wide(64), wide(128))
        self.shrink16 = ConvBlock(wide(128), wide(256), 3, 2)
        self.down32 = Elan(wide(512), wide(128), wide(256))

    def forward(self, at8: Tensor, at16: Tensor, at32: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mixed maps at strides 8, 16 and 32."""
        coarse = self.pyramid32(at32)
        middle = self.up16(torch.cat([self.lateral16(at16), _twice(self.reduce32(coarse))], 1))
        fine = self.up8(torch.cat([self.lateral8(at8), _twice(self.reduce16(middle))], 1))
        middle = self.down16(torch.cat([self.shrink8(fine), middle], 1))
        return fine, middle, self.down32(torch.cat([self.shrink16(middle), coarse], 1))


class Head(nn.Module):
    """Widen a map and predict box, objectness and classes for each anchor of each cell."""

    def __init__(self, channels_in: int, num_classes: int) -> None:
        super().__init__()
        self.widen = ConvBlock(channels_in, 2 * channels_in, 3)
        self.detect = nn.Conv2d(2 * channels_in, ANCHORS_PER_CELL * (BOX_AND_OBJECTNESS + num_classes), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the raw predictions, neither decoded nor squashed."""
        return self.detect(self.widen(x))


class Yolov7Tiny(nn.Module):
    """YOLOv7-tiny with raw outputs of shape [1, 3 * (5 + classes), H, W] at strides 8, 16 and 32."""

    output_names = ("p8", "p16", "p32")

    def __init__(self, num_classes: int, width: float) -> None:
        super().__init__()

        def wide(channels: int) -> int:
            return max(1, round(channels * width))

        self.backbone = Backbone(wide)
        self.neck = Neck(wide)
        self.head8 = Head(wide(64), num_classes)
        self.head16 = Head(wide(128), num_classes)
        self.head32 = Head(wide(256), num_classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the raw maps p8, p16 and p32."""
        fine, middle, coarse = self.neck(*self.backbone(images))
        return self.head8(fine), self.head16(middle), self.head32(coarse)


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def build(num_classes: int = 80, width: float = 1.0) -> nn.Module:
    """Return an untrained YOLOv7-tiny, every layer `width` times as wide; the same call gives the same weights."""
    model = Yolov7Tiny(num_classes, width)
    generator = torch.Generator().manual_seed(7)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=SLOPE, mode="fan_in", generator=generator)
    for head in (model.head8, model.head16, model.head32):
        nn.init.zeros_(head.detect.bias)
        objectness = head.detect.bias.data.view(ANCHORS_PER_CELL, -1)[:, BOX_AND_OBJECTNESS - 1]
        objectness.fill_(math.log(PRIOR / (1 - PRIOR)))
    return model
