"""The backbones by name, and what each one offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias, cast

from compiler.rewrites.grow import Grower

Features: TypeAlias = Callable[[Grower, str], list[str]]
"""Grow the backbone from an image; return the last map of each size, largest first, and behind them the widest end."""
Classifier: TypeAlias = Callable[[Grower, str, int], str]


@dataclass(frozen=True)
class Backbone:
    """One backbone at one width."""

    features: Features
    """Grows the layers and returns the stages' ends: the last map of every stride from 4 to 32, then the expanded
    last map where the network widens its channels once more before the classifier."""
    classifier: Classifier
    """Grows what the reference implementation puts behind the last map, for so many classes."""


_MODULES: Mapping[str, str] = {
    "mobilenet-v1": "mobilenet_v1",
    "mobilenet-v2": "mobilenet_v2",
    "mobilenet-v3-small": "mobilenet_v3",
    "mobilenet-v3-large": "mobilenet_v3",
    **{f"shufflenet-v1-g{groups}": "shufflenet_v1" for groups in (1, 2, 3, 4, 8)},
    "shufflenet-v2": "shufflenet_v2",
}
NAMES = tuple(_MODULES)


def load_backbone(name: str, width: float) -> Backbone | str:
    """Make a backbone of a width, or say which widths it has."""
    module = import_module(f"passes.backbones.{_MODULES[name]}")
    return cast("Callable[[str, float], Backbone | str]", module.backbone)(name, width)


def divisible(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of the divisor, never down by more than a tenth, as the MobileNets do."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
