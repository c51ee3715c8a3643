"""Between units that go and filters that stay: a decision names filters by layer, the surgery cuts units."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels.groups import Channels
from compiler.analysis.channels.identities import Ids


def kept_filters(channels: Channels, gone: NDArray[np.bool_]) -> dict[str, tuple[int, ...]]:
    """Translate lost units into the filters that stay, for each layer that loses any."""
    kept: dict[str, tuple[int, ...]] = {}
    for layer, use in channels.filters.items():
        labels = channels.labels_of(use.ids)
        stays = (labels < 0) | ~gone[np.maximum(labels, 0)] if gone.size else labels < 0
        if not stays.all():
            kept[layer] = tuple(np.flatnonzero(stays).tolist())
    return kept


def gone_units(channels: Channels, kept: Mapping[str, Sequence[int]]) -> Ids:
    """Translate the filters that stay back into the units that go."""
    gone: list[Ids] = [np.zeros(0, dtype=np.int64)]
    for layer, filters in kept.items():
        stays = np.zeros(channels.filters[layer].ids.size, dtype=bool)
        stays[list(filters)] = True
        gone.append(channels.labels_of(channels.filters[layer].ids[~stays]))
    return np.unique(np.concatenate(gone))
