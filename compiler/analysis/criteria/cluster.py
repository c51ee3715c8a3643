"""The cluster criterion: filters whose feature maps look alike are redundant; keep one of each kind.

Per filter, four statistics of its feature map: mean and variance where objects are, mean and variance elsewhere.
k-means++ groups a layer's filters by them into as many groups as filters stay, and of each group the filter with the
largest variance on objects is kept (Seo, Ahn, Son and Chung's filter pruning for one-class detectors).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from compiler.analysis.channels import ChannelGroup, Channels, Ids
from compiler.analysis.criteria.cluster_options import ClusterOptions
from compiler.analysis.criteria.clusters import importance_order, keep_one_of_each, standardised
from compiler.analysis.criteria.l1 import l1
from compiler.analysis.feature_maps import block_output, region_sums
from compiler.analysis.regions import Regions, Scene, by_area, by_cells, middle_as_object
from compiler.codes.passes import NOT_FINITE
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView

Floats = NDArray[np.float64]


Look: TypeAlias = Callable[[Sequence[str], Ids], dict[str, Floats]]


class SeenImage(BaseModel):
    """An image that the criterion looked at: its file, its place in the recipe's data from 0, its boxes in sight."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    index: int
    boxes: int


@dataclass
class ClusterRanking:
    """Keeps one unit of each cluster."""

    features: dict[str, Floats]
    """Shape [filters, 4] per layer with feature maps: mean and variance on objects, and on the background."""
    magnitude: dict[str, Floats]
    is_standardised: bool
    seed: int
    images: tuple[SeenImage, ...] = ()
    shortfall: dict[str, int] = field(default_factory=dict[str, int])
    """Layers where fewer clusters were found than asked for, and how many fewer."""
    clusters: dict[int, int] = field(default_factory=dict[int, int])
    """The cluster of each unit that was ranked by one, by the unit's label; no two groups share a number."""
    gone: list[Ids] = field(default_factory=list[Ids])
    """The units that were not kept, group by group."""
    look: Look | None = None
    """For the sequential order: computes the features of some layers anew, without the units that are gone by then."""

    def keep(self, channels: Channels, group: ChannelGroup, count: int) -> Ids:
        """Cluster a group's units by the statistics of all their members side by side.

        Ranks add up over members, as scores do for the other criteria. The random starts are those of the seed and
        the group, whichever groups come before it. Layers without feature maps are ranked by their L1 norm.
        """
        magnitude = channels.scores(group, self.magnitude)
        seen = [layer for layer in group.layers if layer in self.features]
        if not seen:
            order = np.argsort(-magnitude, kind="stable")
            self.gone.append(group.units[order[count:]])
            return group.units[order[:count]]
        if self.look is not None and self.gone:
            self.features |= self.look(seen, np.concatenate(self.gone))
        columns = self.statistics(channels, group)
        means, variances, others = (columns[:, place::4].sum(axis=1) for place in (0, 1, 2))
        rank = importance_order(variances, np.abs(means - others), magnitude)
        points = standardised(columns) if self.is_standardised else columns
        seed = int(np.random.SeedSequence((self.seed, int(group.units[0]))).generate_state(1)[0])
        found = keep_one_of_each(points, rank, count, seed)
        if found.shortfall:
            self.shortfall[group.layers[0]] = found.shortfall
        numbers = found.groups + len(self.clusters)  # at least as many as clusters so far
        self.clusters.update(zip(group.units.tolist(), numbers.tolist(), strict=True))
        self.gone.append(np.delete(group.units, found.kept))
        return group.units[found.kept]

    def groups(self, channels: Channels, layers: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Tell for each filter of some layers which of the layer's clusters it is in; -1 for one that had to stay."""
        clusters = np.full(channels.labels.size + 1, -1)
        clusters[list(self.clusters)] = list(self.clusters.values())
        found: dict[str, tuple[int, ...]] = {}
        for layer in layers:
            own = clusters[channels.labels_of(channels.filters[layer].ids)]
            numbers = np.unique(own[own >= 0])
            found[layer] = tuple(np.where(own < 0, -1, np.searchsorted(numbers, own)).tolist())
        return found

    def statistics(self, channels: Channels, group: ChannelGroup) -> Floats:
        """Put the statistics of a group's layers with feature maps side by side, one row per unit."""
        seen = [layer for layer in group.layers if layer in self.features]
        return np.stack(list(self._columns(channels, group, seen)), axis=1) if seen else np.zeros((group.units.size, 0))

    def _columns(self, channels: Channels, group: ChannelGroup, layers: Sequence[str]) -> Iterator[Floats]:
        """Yield the four statistics of each layer, added up for each unit of the group."""
        for layer in layers:
            for column in self.features[layer].T:
                yield channels.scores(ChannelGroup((layer,), group.units), {layer: column})


def rank_by_clusters(
    program: ProgramView, channels: Channels, scenes: Iterable[Scene], options: ClusterOptions, seed: int
) -> ClusterRanking | None:
    """Run the network over scenes and prepare the clustering; None when no scene has a box where boxes are needed.

    One forward run per image; memory is one image's activations. Scenes come richest first: the first ones are taken.
    """
    chosen = choose_scenes(scenes, options)
    first = next(chosen, None)
    if first is None:
        return None
    images: list[SeenImage] = []
    layers = [layer for layer in channels.filters if has_map(program, layer)]
    features = map_features(program, layers, _noted(chain((first,), chosen), images), options)
    magnitudes, is_standardised = _magnitudes(program, channels), options.preset == "recommended"
    return ClusterRanking(features, magnitudes, is_standardised, seed, tuple(images))


def choose_scenes(scenes: Iterable[Scene], options: ClusterOptions) -> Iterator[Scene]:
    """Take the first images, one for the paper; where regions are boxes, of those that have one in sight."""
    fitting = scenes if options.regions == "whole" else (scene for scene in scenes if len(scene.visible))
    return islice(fitting, options.count)


def _noted(scenes: Iterable[Scene], images: list[SeenImage]) -> Iterator[Scene]:
    """Pass images on one by one, and note which they are; none is kept."""
    for scene in scenes:
        images.append(SeenImage(name=scene.name, index=scene.index, boxes=len(scene.visible)))
        yield scene


def map_features(
    program: ProgramView, layers: Sequence[str], scenes: Iterable[Scene], options: ClusterOptions
) -> dict[str, Floats]:
    """Compute each layer's four statistics. Raises CompressError when a feature map holds NaN or infinity."""
    regions: Regions = by_area if options.mask == "area" else by_cells
    scenes = map(middle_as_object, scenes) if options.regions == "whole" else scenes
    tensors = {layer: block_output(program, layer, options.tensor) for layer in layers}
    sums = region_sums(program, list(dict.fromkeys(tensors.values())), scenes, regions)
    features = {layer: sums[tensor].features for layer, tensor in tensors.items()}
    for layer, values in features.items():
        if not np.isfinite(values).all():
            said = f"the feature maps of {layer} hold values that are not finite, so they cannot be clustered"
            advice = "check `preprocess` and the network's weights, or choose a criterion that needs no images"
            raise CompressError(Diagnostic(NOT_FINITE, said, advice))
    return features


def has_map(program: ProgramView, layer: str) -> bool:
    """Tell whether a layer puts out a feature map, of shape [1, channels, height, width]."""
    shape = program.shape(program.op(layer).y)
    return shape is not None and len(shape) == 4 and shape[0] == 1


def _magnitudes(program: ProgramView, channels: Channels) -> dict[str, Floats]:
    """Take each filter's L1 norm, which breaks ties."""
    found: dict[str, Floats] = {}
    for layer, use in channels.filters.items():
        weight = program.const(program.op(layer).input(use.slot))
        assert weight is not None
        found[layer] = l1(weight, use.axis)
    return found
