"""The record of an allocation: what each layer had and kept, and why, for the report."""

from collections.abc import Mapping, Sequence

from compiler.analysis.allocation.allocate import Allocation, Bounds, Share, Shared
from compiler.analysis.channels import Channels


def record(
    channels: Channels, bounds: Sequence[Bounds], shared: Shared, kept: Mapping[str, Sequence[int]], reached: float
) -> Allocation:
    """Write down every layer that took part; one that lies in several groups is told by the most sensitive."""
    layers: dict[str, Share] = {}
    for bound, sensitivity, why in zip(bounds, shared.sensitivity, shared.why, strict=True):
        for layer in bound.group.layers:
            known = layers.get(layer)
            if known is not None and (known.sensitivity or 0.0) >= (sensitivity or 0.0):
                continue
            had = channels.filters[layer].ids.size
            stays = len(kept[layer]) if layer in kept else had
            layers[layer] = Share(had=had, kept=stays, sensitivity=sensitivity, why=why)
    return Allocation(
        measure=shared.name,
        before=shared.before,
        goal=shared.goal,
        reached=reached,
        looked_at=shared.looked_at,
        layers=layers,
    )
