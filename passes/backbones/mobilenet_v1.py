"""MobileNet V1 (Howard et al. 2017): depthwise and pointwise convolutions in turn."""

from compiler.rewrites.grow import Grower
from passes.backbones.catalogue import Backbone

_STEM = 32
_TABLE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Output channels and stride of each pair."""


def backbone(name: str, width: float) -> Backbone:
    """Make it; every layer's channels are multiplied by the width and rounded down, as published."""
    del name

    def features(grow: Grower, x: str) -> list[str]:
        x = grow.conv("features.0.0", x, int(_STEM * width), 3, stride=2)
        x = grow.act("relu", grow.norm("features.0.1", x))
        ends: list[str] = []
        for place, (channels, stride) in enumerate(_TABLE, 1):
            if stride == 2 and place > 1:
                ends.append(x)
            at, ins = f"features.{place}", grow.size(x)[0]
            x = grow.conv(f"{at}.0", x, ins, 3, stride=stride, groups=ins)
            x = grow.act("relu", grow.norm(f"{at}.1", x))
            x = grow.conv(f"{at}.3", x, int(channels * width))
            x = grow.act("relu", grow.norm(f"{at}.4", x))
        return [*ends[1:], x]

    def classifier(grow: Grower, x: str, classes: int) -> str:
        return grow.classify("classifier.1", grow.flat_mean(x), classes)

    return Backbone(features, classifier)
