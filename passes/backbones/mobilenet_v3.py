"""MobileNet V3, small and large (Howard et al. 2019): inverted residuals with gates and hard swish."""

from compiler.rewrites.grow import Grower
from passes.backbones.catalogue import Backbone, divisible

_STEM, _EPSILON = 16, 1e-3
_LARGE = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    *((5, 120, 40, True, "relu", 1),) * 2,
    (3, 240, 80, False, "hardswish", 2),
    (3, 200, 80, False, "hardswish", 1),
    *((3, 184, 80, False, "hardswish", 1),) * 2,
    (3, 480, 112, True, "hardswish", 1),
    (3, 672, 112, True, "hardswish", 1),
    (5, 672, 160, True, "hardswish", 2),
    *((5, 960, 160, True, "hardswish", 1),) * 2,
)
"""Kernel, expanded channels, output channels, gate, activation and stride of each block."""
_SMALL = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hardswish", 2),
    *((5, 240, 40, True, "hardswish", 1),) * 2,
    (5, 120, 48, True, "hardswish", 1),
    (5, 144, 48, True, "hardswish", 1),
    (5, 288, 96, True, "hardswish", 2),
    *((5, 576, 96, True, "hardswish", 1),) * 2,
)
_HIDDEN = {"mobilenet-v3-small": 1024, "mobilenet-v3-large": 1280}
"""Neurons between the last map and the classes."""


def backbone(name: str, width: float) -> Backbone:
    """Make it, with the parameter names of torchvision."""
    table = _LARGE if name.endswith("large") else _SMALL

    def features(grow: Grower, x: str) -> list[str]:
        x = grow.conv("features.0.0", x, divisible(_STEM * width), 3, stride=2)
        x = grow.act("hardswish", grow.norm("features.0.1", x, _EPSILON))
        ends: list[str] = []
        for place, (kernel, expanded, channels, gated, act, stride) in enumerate(table, 1):
            if stride == 2:
                ends.append(x)
            sizes = divisible(expanded * width), divisible(channels * width)
            x = _block(grow, f"features.{place}.block", x, kernel, sizes, gated, act, stride)
        last = grow.conv(f"features.{len(table) + 1}.0", x, 6 * grow.size(x)[0])
        last = grow.act("hardswish", grow.norm(f"features.{len(table) + 1}.1", last, _EPSILON))
        return [*ends[1:], x, last]

    def classifier(grow: Grower, x: str, classes: int) -> str:
        x = grow.classify("classifier.0", grow.flat_mean(x), divisible(_HIDDEN[name] * width))
        return grow.classify("classifier.3", grow.act("hardswish", x), classes)

    return Backbone(features, classifier)


def _block(  # noqa: PLR0913, PLR0917 - a row of the table has this many entries
    grow: Grower,
    name: str,
    x: str,
    kernel: int,
    sizes: tuple[int, int],
    gated: bool,  # noqa: FBT001 - an entry of the table
    act: str,
    stride: int,
) -> str:
    """Widen, convolve each channel, gate, narrow; add the input where sizes allow."""
    (expanded, outs), ins, start, place = sizes, grow.size(x)[0], x, 0
    if expanded != ins:
        x = grow.act(act, grow.norm(f"{name}.0.1", grow.conv(f"{name}.0.0", x, expanded), _EPSILON))
        place = 1
    x = grow.conv(f"{name}.{place}.0", x, expanded, kernel, stride=stride, groups=expanded)
    x = grow.act(act, grow.norm(f"{name}.{place}.1", x, _EPSILON))
    if gated:
        place += 1
        x = grow.gate(f"{name}.{place}", x, divisible(expanded // 4))
    x = grow.norm(f"{name}.{place + 1}.1", grow.conv(f"{name}.{place + 1}.0", x, outs), _EPSILON)
    return grow.add(f"{name}.add", start, x) if stride == 1 and ins == outs else x
