"""The cluster criterion: filters whose feature maps look alike are redundant; keep one of each kind.

Per filter, four statistics of its feature map: mean and variance where objects are, mean and variance elsewhere.
k-means++ groups a layer's filters by them into as many groups as filters stay, and of each group the filter with the
largest variance on objects is kept (Seo, Ahn, Son and Chung's filter pruning for one-class detectors).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from compiler.analysis.channels import ChannelGroup, Channels, Ids
from compiler.analysis.criteria.clusters import importance_order, keep_one_of_each, standardised
from compiler.analysis.criteria.l1 import l1
from compiler.analysis.feature_maps import block_output, region_sums
from compiler.analysis.regions import Scene, centre_and_border, object_and_background
from compiler.ir import ProgramView

Floats = NDArray[np.float64]


class ClusterOptions(BaseModel):
    """How the cluster criterion looks at feature maps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["recommended", "paper"] = Field(
        default="recommended", description="paper: one image, raw statistics; recommended: several images, standardised"
    )
    images: int = Field(default=16, ge=1, description="how many images the recommended preset looks at")
    regions: Literal["boxes", "whole"] = Field(
        default="boxes", description="boxes: objects against background; whole: centre against border, without labels"
    )


@dataclass
class ClusterRanking:
    """Keeps one unit of each cluster; `shortfall` notes where fewer clusters were found than asked for."""

    features: dict[str, Floats]
    """Shape [filters, 4] per layer: mean and variance on objects, mean and variance on the background."""
    magnitude: dict[str, Floats]
    is_standardised: bool
    seed: int
    shortfall: dict[str, int] = field(default_factory=dict[str, int])

    def keep(self, channels: Channels, group: ChannelGroup, count: int) -> Ids:
        """Cluster a group's units by the statistics of all their members side by side.

        Ranks add up over members, as scores do for the other criteria. The seed is of the group, not of its turn.
        """
        columns = np.stack(
            [_unit_values(channels, group, layer, column) for layer in group.layers for column in self._columns(layer)],
            axis=1,
        )
        means, variances, others = (
            columns[:, 0::4].sum(axis=1),
            columns[:, 1::4].sum(axis=1),
            columns[:, 2::4].sum(axis=1),
        )
        rank = importance_order(variances, np.abs(means - others), channels.scores(group, self.magnitude))
        points = standardised(columns) if self.is_standardised else columns
        seed = (self.seed + int(group.units[0])) % 2**32
        found = keep_one_of_each(points, rank, count, seed)
        if found.shortfall:
            self.shortfall[group.layers[0]] = found.shortfall
        return group.units[found.kept]

    def _columns(self, layer: str) -> Iterator[Floats]:
        yield from self.features[layer].T


def rank_by_clusters(
    program: ProgramView, channels: Channels, scenes: Iterable[Scene], options: ClusterOptions, seed: int
) -> ClusterRanking | None:
    """Run the network over scenes and prepare the clustering; None when no scene has a box where boxes are needed.

    One forward run per image; memory is one image's activations.
    """
    layers = [layer for layer in channels.filters if _is_map(program, layer)]
    tensors = {layer: block_output(program, layer) for layer in layers}
    chosen = _choose(scenes, options)
    if not chosen:
        return None
    regions = object_and_background if options.regions == "boxes" else centre_and_border
    sums = region_sums(program, list(dict.fromkeys(tensors.values())), chosen, regions)
    features = {layer: sums[tensor].features for layer, tensor in tensors.items()}
    for layer, use in channels.filters.items():
        features.setdefault(layer, np.zeros((use.ids.size, 4)))
    return ClusterRanking(features, _magnitudes(program, channels), options.preset == "recommended", seed)


def _is_map(program: ProgramView, layer: str) -> bool:
    """Tell whether a layer puts out a feature map, of shape [1, channels, height, width]."""
    shape = program.shape(program.op(layer).y)
    return shape is not None and len(shape) == 4 and shape[0] == 1


def _choose(scenes: Iterable[Scene], options: ClusterOptions) -> list[Scene]:
    """Pick the images: the first few with boxes; for the paper the one with most boxes, then the largest area."""
    fitting = (scene for scene in scenes if options.regions == "whole" or len(scene.boxes))
    if options.preset == "recommended":
        return [scene for scene, _ in zip(fitting, range(options.images), strict=False)]
    best = max(fitting, key=lambda scene: (len(scene.boxes), _area(scene.boxes)), default=None)
    return [] if best is None else [best]


def _area(boxes: Floats) -> float:
    return float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum())


def _magnitudes(program: ProgramView, channels: Channels) -> dict[str, Floats]:
    """Take each filter's L1 norm, which breaks ties."""
    found: dict[str, Floats] = {}
    for layer, use in channels.filters.items():
        weight = program.const(program.op(layer).input(use.slot))
        assert weight is not None
        found[layer] = l1(weight, use.axis)
    return found


def _unit_values(channels: Channels, group: ChannelGroup, layer: str, column: Floats) -> Floats:
    """Add up one layer's filter values for each unit of a group."""
    return channels.scores(ChannelGroup((layer,), group.units), {layer: column})
