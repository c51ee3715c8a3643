"""ResNet-18 in torch, for measuring training steps."""

from torch import Tensor, nn


class Block(nn.Module):
    """Two 3x3 convolutions and the input, or a 1x1 convolution of it."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.side: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.side = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Add the branches."""
        deep = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(deep + self.side(x))


def build(num_classes: int = 1000) -> nn.Module:
    """Make the network of arXiv 1512.03385, table 1."""
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    stages = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
    blocks = [Block(*row) for a, b, s in stages for row in ((a, b, s), (b, b, 1))]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, num_classes))
