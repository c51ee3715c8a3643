"""How many units of a channel group stay at a level, and how that number is rounded for the target's kernels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from compiler.analysis.channels import ChannelGroup, Channels


@dataclass(frozen=True)
class Count:
    """How many units of a group the level asks for, and how many are kept after rounding."""

    asked: int
    kept: int


def count_at(n: int, level: float | Fraction, at_least: int, step: int, start: int | None = None) -> Count:
    """Count what stays of n units: floor(n (1 - level)) and at least one, then rounded up to a step, at most n.

    In integer arithmetic, as 1 - 0.9 is not 0.1 in binary. With a start the level counts from so many units.
    """
    share = level if isinstance(level, Fraction) else Fraction(str(level))
    stay = (n if start is None else start) * (share.denominator - share.numerator) // share.denominator
    asked = min(n, max(1, at_least, stay))
    return Count(asked, min(n, -(-asked // step) * step))


def unit_step(channels: Channels, group: ChannelGroup, multiple: int) -> int:
    """Find the smallest number of units by which every layer of a group has a multiple of so many filters."""
    if multiple == 1:
        return 1
    sizes = {filters_per_unit(channels, group, layer) for layer in group.layers}
    return math.lcm(*(multiple // math.gcd(multiple, size) for size in sizes))


def rounded_layers(
    channels: Channels, counts: Sequence[tuple[ChannelGroup, Count]], kept: Mapping[str, Sequence[int]]
) -> dict[str, tuple[int, int]]:
    """List each layer in which rounding kept filters: how many the level asked for, and how many it has now."""
    more: dict[str, int] = {}
    for group, count in counts:
        for layer in group.layers if count.kept > count.asked else ():
            size = filters_per_unit(channels, group, layer)
            more[layer] = more.get(layer, 0) + size * (count.kept - count.asked)
    now = {layer: len(kept[layer]) if layer in kept else channels.filters[layer].ids.size for layer in more}
    return {layer: (now[layer] - extra, now[layer]) for layer, extra in more.items()}


def filters_per_unit(channels: Channels, group: ChannelGroup, layer: str) -> int:
    """Count the filters of a layer that go with one unit of a group."""
    labels = channels.labels_of(channels.filters[layer].ids)
    return int(np.count_nonzero(np.isin(labels, group.units))) // group.units.size
