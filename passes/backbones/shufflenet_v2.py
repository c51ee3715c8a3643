"""ShuffleNet V2 (Ma et al. 2018): half the channels pass by, then all are shuffled."""

from compiler.rewrites.grow import Grower
from passes.backbones.catalogue import Backbone

_WIDTHS = {
    0.5: (24, 48, 96, 192, 1024),
    1.0: (24, 116, 232, 464, 1024),
    1.5: (24, 176, 352, 704, 1024),
    2.0: (24, 244, 488, 976, 2048),
}
"""Channels of the stem, the three stages and the last convolution, for each published width."""
_BLOCKS = (4, 8, 4)


def backbone(name: str, width: float) -> Backbone | str:
    """Make it, with the parameter names of torchvision; its widths are four published ones."""
    del name
    if width not in _WIDTHS:
        return f"it comes in the widths {', '.join(map(str, _WIDTHS))}"
    stem, *stages, widest = _WIDTHS[width]

    def features(grow: Grower, x: str) -> list[str]:
        x = grow.act("relu", grow.norm("conv1.1", grow.conv("conv1.0", x, stem, 3, stride=2)))
        x = grow.pool("MaxPool", "maxpool", x)
        ends = [x]
        for stage, (channels, blocks) in enumerate(zip(stages, _BLOCKS, strict=True), 2):
            x = _down(grow, f"stage{stage}.0", x, channels)
            for block in range(1, blocks):
                x = _pass_by(grow, f"stage{stage}.{block}", x)
            ends.append(x)
        return [*ends, grow.act("relu", grow.norm("conv5.1", grow.conv("conv5.0", x, widest)))]

    def classifier(grow: Grower, x: str, classes: int) -> str:
        return grow.classify("fc", grow.flat_mean(x), classes)

    return Backbone(features, classifier)


def _down(grow: Grower, name: str, x: str, channels: int) -> str:
    """Halve the map in both branches and join them."""
    ins, half = grow.size(x)[0], channels // 2
    side = grow.norm(f"{name}.branch1.1", grow.conv(f"{name}.branch1.0", x, ins, 3, stride=2, groups=ins))
    side = grow.act("relu", grow.norm(f"{name}.branch1.3", grow.conv(f"{name}.branch1.2", side, half)))
    both = grow.concat(f"{name}.concat", [side, _branch(grow, f"{name}.branch2", x, half, 2)])
    return grow.shuffle(f"{name}.shuffle", both, 2)


def _pass_by(grow: Grower, name: str, x: str) -> str:
    """Let one half pass, work on the other, and join them."""
    left, right = grow.halves(f"{name}.split", x)
    right = _branch(grow, f"{name}.branch2", right, grow.size(right)[0], 1)
    return grow.shuffle(f"{name}.shuffle", grow.concat(f"{name}.concat", [left, right]), 2)


def _branch(grow: Grower, name: str, x: str, outs: int, stride: int) -> str:
    """Mix, convolve each channel, mix."""
    x = grow.act("relu", grow.norm(f"{name}.1", grow.conv(f"{name}.0", x, outs)))
    x = grow.norm(f"{name}.4", grow.conv(f"{name}.3", x, outs, 3, stride=stride, groups=outs))
    return grow.act("relu", grow.norm(f"{name}.6", grow.conv(f"{name}.5", x, outs)))
