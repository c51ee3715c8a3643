"""PoseResNet: a ResNet-50 or a thinner one, three transposed convolutions, and one heat map for each joint.

The weights are our own seeded initialisation and have seen no training: a model from this file finds no pose until
a checkpoint is loaded. The bottleneck strides in its 3x3 convolution. A 256x256 image gives 64x64 heat maps.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

EXPANSION = 4
STEM_WIDTH = 64
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Bottleneck width, number of blocks and stride of each stage."""
UPSAMPLER_WIDTH = 256


class Bottleneck(nn.Module):
    """Squeeze with 1x1, convolve with 3x3, expand with 1x1, and add the input."""

    def __init__(self, channels_in: int, width: int, stride: int) -> None:
        super().__init__()
        channels_out = EXPANSION * width
        self.squeeze = nn.Conv2d(channels_in, width, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(width)
        self.squeeze_relu = nn.ReLU()
        self.spatial = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.spatial_norm = nn.BatchNorm2d(width)
        self.spatial_relu = nn.ReLU()
        self.expand = nn.Conv2d(width, channels_out, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out or stride != 1:
            self.shortcut = _projection(channels_in, channels_out, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(branch(x) + shortcut(x))."""
        branch = self.squeeze_relu(self.squeeze_norm(self.squeeze(x)))
        branch = self.spatial_relu(self.spatial_norm(self.spatial(branch)))
        return self.relu(self.expand_norm(self.expand(branch)) + self.shortcut(x))


class Upsampler(nn.Module):
    """Double the height and the width with a transposed convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(channels_in, channels_out, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(norm(deconv(x)))."""
        return self.relu(self.norm(self.deconv(x)))


class Backbone(nn.Module):
    """A ResNet without its classifier; as a ResNet-50, 2048 channels at stride 32."""

    def __init__(self, stem: int, stages: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.stem_norm = nn.BatchNorm2d(stem)
        self.stem_relu = nn.ReLU()
        self.stem_pool = nn.MaxPool2d(3, 2, 1)
        inputs = (stem, *(EXPANSION * width for width, _, _ in stages))
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            _stage(channels_in, *stage) for channels_in, stage in zip(inputs, stages, strict=False)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the map at stride 32."""
        x = self.stem_pool(self.stem_relu(self.stem_norm(self.stem(images))))
        return self.stage4(self.stage3(self.stage2(self.stage1(x))))


class PoseResNet(nn.Module):
    """A ResNet and three upsamplers; `heatmaps` has the shape [1, joints, H / 4, W / 4]."""

    output_names = ("heatmaps",)

    def __init__(self, num_joints: int, stem: int, stages: Sequence[Sequence[int]], upsampler: int) -> None:
        super().__init__()
        self.backbone = Backbone(stem, stages)
        widths = (EXPANSION * stages[-1][0], *3 * (upsampler,))
        self.upsample1, self.upsample2, self.upsample3 = (Upsampler(*pair) for pair in pairwise(widths))
        self.predict = nn.Conv2d(upsampler, num_joints, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return one heat map for each joint."""
        return self.predict(self.upsample3(self.upsample2(self.upsample1(self.backbone(images)))))


def _projection(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    projection = nn.Sequential()
    projection.add_module("conv", nn.Conv2d(channels_in, channels_out, 1, stride, bias=False))
    projection.add_module("norm", nn.BatchNorm2d(channels_out))
    return projection


def _stage(channels_in: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    first = Bottleneck(channels_in, width, stride)
    return nn.Sequential(first, *(Bottleneck(EXPANSION * width, width, 1) for _ in range(blocks - 1)))


def build(
    num_joints: int = 16,
    stem: int = STEM_WIDTH,
    stages: Sequence[Sequence[int]] = STAGES,
    upsampler: int = UPSAMPLER_WIDTH,
) -> nn.Module:
    """Return an untrained network, a PoseResNet-50 if nothing is said; the same call gives the same weights."""
    model = PoseResNet(num_joints, stem, stages, upsampler)
    generator = torch.Generator().manual_seed(7)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        # Sixteen unscaled sums would grow the map; half a branch each keeps it near one.
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.expand_norm.weight, 0.5)
    nn.init.zeros_(model.predict.bias)
    return model
