"""MobileNet V2 (Sandler et al. 2018): inverted residuals with linear bottlenecks."""

from compiler.rewrites.grow import Grower
from passes.backbones.catalogue import Backbone, divisible

_STEM, _LAST = 32, 1280
_TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, output channels, number of blocks and first stride of each row."""


def backbone(name: str, width: float) -> Backbone:
    """Make it, with the parameter names of torchvision."""
    del name

    def features(grow: Grower, x: str) -> list[str]:
        x = _convolve(grow, "features.0", x, divisible(_STEM * width), 3, stride=2)
        ends: list[str] = []
        place = 0
        for expansion, channels, blocks, first in _TABLE:
            if first == 2:
                ends.append(x)
            for block in range(blocks):
                place += 1
                stride = first if block == 0 else 1
                x = _block(grow, f"features.{place}.conv", x, expansion, divisible(channels * width), stride)
        last = _convolve(grow, f"features.{place + 1}", x, divisible(_LAST * max(1.0, width)))
        return [*ends[1:], x, last]

    def classifier(grow: Grower, x: str, classes: int) -> str:
        return grow.classify("classifier.1", grow.flat_mean(x), classes)

    return Backbone(features, classifier)


def _convolve(  # noqa: PLR0913 - a convolution has this many parts
    grow: Grower, name: str, x: str, outs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1
) -> str:
    """Convolve, normalise, and cut at 0 and 6."""
    x = grow.conv(f"{name}.0", x, outs, kernel, stride=stride, groups=groups)
    return grow.act("relu6", grow.norm(f"{name}.1", x))


def _block(grow: Grower, name: str, x: str, expansion: int, outs: int, stride: int) -> str:  # noqa: PLR0913, PLR0917
    """Widen, convolve each channel, narrow; add the input where sizes allow."""
    ins, start, place = grow.size(x)[0], x, 0
    hidden = ins * expansion
    if expansion != 1:
        x = _convolve(grow, f"{name}.0", x, hidden)
        place = 1
    x = _convolve(grow, f"{name}.{place}", x, hidden, 3, stride=stride, groups=hidden)
    x = grow.norm(f"{name}.{place + 2}", grow.conv(f"{name}.{place + 1}", x, outs))
    return grow.add(f"{name}.add", start, x) if stride == 1 and ins == outs else x
