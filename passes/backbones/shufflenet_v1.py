"""ShuffleNet V1 (Zhang et al. 2018): grouped pointwise convolutions with a shuffle between them."""

from compiler.rewrites.grow import Grower
from passes.backbones.catalogue import Backbone

_STEM = 24
_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Channels of the first stage for each number of groups; each further stage has twice as many."""
_BLOCKS = (4, 8, 4)


def backbone(name: str, width: float) -> Backbone | str:
    """Make it, with the parameter names of the authors' implementation."""
    groups = int(name.rpartition("g")[2])
    first = int(_CHANNELS[groups] * width)
    stem = {0.5: 12 if groups < 8 else 16, 2.0: 48}.get(width, _STEM)
    if first % (4 * groups) or (first - stem) % groups or first <= stem:
        return f"it has no width {width:g}: {first} channels do not divide into {groups} groups of bottlenecks"

    def features(grow: Grower, x: str) -> list[str]:
        x = grow.act("relu", grow.norm("first_conv.1", grow.conv("first_conv.0", x, stem, 3, stride=2)))
        x = grow.pool("MaxPool", "maxpool", x)
        ends, place = [x], 0
        for stage, blocks in enumerate(_BLOCKS):
            for block in range(blocks):
                stride, inner = (2 if block == 0 else 1), (1 if place == 0 else groups)
                x = _block(grow, f"features.{place}", x, first * 2**stage, stride, (inner, groups))
                place += 1
            ends.append(x)
        return ends

    def classifier(grow: Grower, x: str, classes: int) -> str:
        return grow.classify("classifier.0", grow.flat_mean(x), classes, bias=False)

    return Backbone(features, classifier)


def _block(  # noqa: PLR0913, PLR0917 - a block has this many parts
    grow: Grower, name: str, x: str, outs: int, stride: int, groups: tuple[int, int]
) -> str:
    """Narrow in groups, shuffle, convolve each channel, widen in groups; add or join the input."""
    inner, outer = groups
    start, ins, middle = x, grow.size(x)[0], outs // 4
    x = grow.conv(f"{name}.branch_main_1.0", x, middle, groups=inner)
    x = grow.act("relu", grow.norm(f"{name}.branch_main_1.1", x))
    x = grow.conv(f"{name}.branch_main_1.3", x, middle, 3, stride=stride, groups=middle)
    x = grow.norm(f"{name}.branch_main_1.4", x)
    if outer > 1:
        # The authors' code deals by the number of channels in a group, not by the number of groups.
        x = grow.shuffle(f"{name}.shuffle", x, middle // outer)
    x = grow.conv(f"{name}.branch_main_2.0", x, outs - ins if stride == 2 else outs, groups=outer)
    x = grow.norm(f"{name}.branch_main_2.1", x)
    if stride == 1:
        return grow.act("relu", grow.add(f"{name}.add", start, x))
    return grow.concat(f"{name}.concat", [grow.pool("AveragePool", f"{name}.branch_proj", start), grow.act("relu", x)])
