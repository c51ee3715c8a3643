"""Remove the least important filters of every layer, the same share everywhere."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from compiler.analysis.allocation import Count, count_at, rounded_layers, unit_step
from compiler.analysis.channels import ChannelGroup, Channels, Ids, find_channels
from compiler.analysis.criteria import (
    ClusterOptions,
    ClusterRanking,
    CriterionName,
    FirstRanking,
    Ranking,
    SeenImage,
    check_pictures,
    choose_scenes,
    cluster_pictures,
    rank_by_clusters,
    rank_by_scores,
)
from compiler.analysis.makeup import SAMPLES, make_up, mark, representatives, stand_in_make_up
from compiler.analysis.selectors import check_selectors, select
from compiler.contracts import Context, Decision, Effect, Log, Pass, Picture, Sample
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView
from compiler.plan_codes import CRITERION_LACKS, NO_IMAGES_TO_MAKE_UP, ROUNDED_AWAY
from compiler.rewrites.cut_channels import cut_channels, cut_masked_channels
from compiler.rewrites.look_again import look_again
from compiler.rewrites.make_up import hand_over, raise_biases
from compiler.target import Target

Level = Annotated[float, Field(ge=0, lt=1)]
"""A share of filters to remove."""


class Kept(Decision):
    """Which filters of which layers stay."""

    kept: dict[str, tuple[int, ...]]
    """Layer name to filter indices, ascending; layers that lose none are not listed."""
    shortfall: dict[str, int] = {}
    """For the cluster criterion: layers in which so many clusters were missing, their filters being alike."""
    rounded: dict[str, tuple[int, int]] = {}
    """Layer name to the number of filters that the level asked for, and the multiple of channels that stays."""
    clusters: dict[str, tuple[int, ...]] = {}
    """For the cluster criterion: the cluster of each filter, -1 for one that had to stay, by layer as `kept`."""
    images: tuple[SeenImage, ...] = ()
    """For the cluster criterion: the images that it looked at."""
    absorbed: dict[str, tuple[float, ...]] = {}
    """For `removed`: what the bias of each reader gains, filter by filter of those that it keeps."""
    merged: dict[str, tuple[float, ...]] = {}
    """For `removed: merge`: of each channel that a reader loses, how much of its weights another channel takes over."""

    def filters_left(self) -> dict[str, tuple[int, ...]]:
        """Tell which filters stay."""
        return self.kept


class LevelPrune(Pass):
    """Remove the least important filters of every layer, the same share everywhere.

    Of a layer's n filters, floor(n (1 - level)) stay and at least one: those with the highest score. Layers whose
    channels are added, multiplied or otherwise tied together lose the same channels, and a channel's score is then
    the sum of its members' scores. Criteria: `l1` and `l2` norms of the weights, `batchnorm-scale`,
    `geometric-median`, `random` as a baseline, and `cluster`, which groups filters by what their feature maps look
    like on objects and on the background, and keeps one of each group.

    `levels` gives some layers a level of their own, by name, glob or operator type:
    `levels: {"neck.*": 0.7, neck.conv1: 0.2}`. Of several selectors that match one layer the last one counts. Of
    layers that are tied together those that a selector matches decide, and the smallest of their levels counts.

    A number that stays is then rounded up, never above n, to a multiple of `channel_multiple`: without that option
    the one that the target's kernels prefer, 8 on the TX2, as channels up to the next multiple cost next to nothing
    there. The report lists both numbers. `channel_multiple: 1` and `cluster: {preset: paper}` round nothing.

    `removed` says what becomes of a removed channel's part in its readers. `drop`: nothing, as published. `absorb`:
    its mean over images goes into the readers' biases, approximate near zero padding. `merge`, with the `cluster`
    criterion: its weights go, scaled by least squares over images, to those of the channel kept for its cluster, and
    what is left of its mean into the bias. Both need images, and start the retraining from a better place.

    Filters that reach an output of the network, or an operator whose channels the
    compiler cannot follow, stay; the report says which and why. The network really gets smaller: weights are cut,
    nothing is masked.
    """

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"affine-folded"})
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "interleaved-deconvs": "channels cannot be followed through the interleaving of a split transposed convolution",
        "narrow-weights": "weights that are stored in half precision stand behind a conversion and cannot be cut",
        "integers": "weights that are stored as integers stand behind a conversion and cannot be cut",
    }

    level: Level = Field(description="share of each layer's filters to remove")
    levels: dict[str, Level] = Field(default={}, description="levels of their own, for the layers that these select")
    criterion: CriterionName = Field(default="l1", description="how a filter's importance is measured")
    cluster: ClusterOptions = Field(default=ClusterOptions(), description="what the cluster criterion looks at")
    removed: Literal["drop", "absorb", "merge"] = Field(
        default="drop", description="what becomes of removed channels: nothing, into biases, or into the channels kept"
    )
    scope: Literal["local"] = Field(default="local", description="local: the same level in every layer")
    only: tuple[str, ...] = Field(default=(), description="prune these layers only: names, globs, operator types")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers alone")
    channel_multiple: int | None = Field(
        default=None, ge=1, description="round the number that stays up to a multiple of this; default: the target's"
    )
    min_channels: int = Field(default=1, ge=1, description="keep at least this many filters")

    @model_validator(mode="after")
    def _merging_needs_clusters(self) -> Self:
        if self.removed == "merge" and self.criterion != "cluster":
            raise ValueError(f"`removed: merge` needs `criterion: cluster`, not {self.criterion}")
        return self

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield an error for each selector that matches nothing."""
        del target
        yield from check_selectors(program, tuple(self.levels), "levels")
        yield from check_selectors(program, self.only, "only")
        yield from check_selectors(program, self.skip, "skip")
        yield from check_pictures(program, self.cluster)

    def decide(self, program: ProgramView, context: Context) -> Kept:
        """Choose what stays: by score, or on the lint path simply the first ones, as many as there will be."""
        channels = find_channels(program)
        ranking = FirstRanking() if context.is_stand_in else self._ranking(program, channels, context)
        gone = np.zeros(channels.labels.size, dtype=bool)
        counts = self._counts(program, channels, context.target)
        for group, count in counts:
            gone[group.units] = True
            gone[ranking.keep(channels, group, count.kept)] = False
        kept = _kept_filters(channels, gone)
        rounded = rounded_layers(channels, counts, kept)
        decision = Kept(kept=kept, rounded=rounded)
        if isinstance(ranking, ClusterRanking):
            clusters, images = ranking.groups(channels, kept), ranking.images
            decision = Kept(kept=kept, shortfall=ranking.shortfall, rounded=rounded, clusters=clusters, images=images)
        return decision if self.removed == "drop" else self.made_up(program, channels, context, decision)

    def illustrate(self, program: ProgramView, decision: Decision | None, context: Context) -> Iterator[Picture]:
        """Draw the feature maps of some layers by cluster, as the paper does."""
        if isinstance(decision, Kept) and decision.clusters and context.scenes is not None:
            scenes = context.scenes()
            yield from cluster_pictures(program, decision.clusters, decision.kept, scenes, self.cluster)

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Cut the filters that do not stay, and whatever reads them."""
        assert isinstance(decision, Kept)
        channels = find_channels(program)
        chosen = {layer for group in self._chosen(program, channels) for layer in group.layers}
        for layer, why in channels.kept.items():
            log.skip(layer, why)
        for layer in channels.filters:
            if layer not in chosen and layer not in channels.kept:
                log.skip(layer, "the recipe's `only` and `skip` leave it, or a layer tied to it, alone")
        whole = [layer for layer in decision.rounded if layer not in decision.kept]
        if whole:
            said = f"rounding up to a multiple of channels keeps layers whole: {', '.join(whole[:3])}"
            said += f" and {len(whole) - 3} more" if len(whole) > 3 else ""
            log.find(Diagnostic(ROUNDED_AWAY, said, "set `channel_multiple: 1` if size counts more than speed"))
        gone = _gone_labels(channels, decision)
        if decision.merged:
            standing_in = representatives(channels, decision.clusters, decision.kept)
            hand_over(program, channels, mark(channels, gone), standing_in, decision.merged)
        # What is made up for from images includes what a masked channel would carry.
        cut = cut_channels if decision.absorbed or decision.merged else cut_masked_channels
        cut(program, channels, gone)
        raise_biases(program, decision.absorbed)

    def made_up(self, program: ProgramView, channels: Channels, context: Context, decision: Kept) -> Kept:
        """Work out what the readers of removed channels miss. Raises CompressError when there are no images."""
        gone = mark(channels, _gone_labels(channels, decision))
        if context.is_stand_in:
            found = stand_in_make_up(program, channels, gone)
        else:
            standing_in = representatives(channels, decision.clusters, decision.kept)
            merging = standing_in if self.removed == "merge" else None
            found = make_up(program, channels, gone, self._samples(context), merging)
        if found is None:
            said = f"`removed: {self.removed}` needs images, and the recipe's data has none"
            raise CompressError(Diagnostic(NO_IMAGES_TO_MAKE_UP, said, "add data.calibration, or set `removed: drop`"))
        return decision.model_copy(update={"absorbed": found.absorbed, "merged": found.merged})

    def _samples(self, context: Context) -> Iterator[Sample]:
        """Feed the images that the cluster criterion looks at, else the first of the calibration data."""
        if context.calibration is not None and self.criterion != "cluster":
            return islice(context.calibration(), SAMPLES)
        if context.scenes is None:
            return iter(())
        seen = choose_scenes(context.scenes(), self.cluster) if self.criterion == "cluster" else context.scenes()
        return (scene.feeds for scene in islice(seen, SAMPLES if self.criterion != "cluster" else None))

    def _chosen(self, program: ProgramView, channels: Channels) -> list[ChannelGroup]:
        """List the groups to prune: any member named by `only`, none by `skip`."""
        wanted = select(program, self.only) if self.only else set(channels.filters)
        spared = select(program, self.skip)
        return [g for g in channels.groups if wanted.intersection(g.layers) and not spared.intersection(g.layers)]

    def _levels(self, program: ProgramView) -> dict[str, float]:
        """Give each layer that `levels` selects its level; later selectors win."""
        return {layer: level for pattern, level in self.levels.items() for layer in select(program, (pattern,))}

    def _ranking(self, program: ProgramView, channels: Channels, context: Context) -> Ranking:
        """Ask the criterion. Raises CompressError when it lacks what it needs."""
        if self.criterion != "cluster":
            found = rank_by_scores(self.criterion, program, channels, context.rng)
            if isinstance(found, str):
                said = (
                    f"criterion {self.criterion} needs a BatchNormalization right after every layer, {found} has none"
                )
                raise CompressError(Diagnostic(CRITERION_LACKS, said, "choose l1, or `only` layers that have one"))
            return found
        scenes = () if context.scenes is None else context.scenes()
        seed = int(context.rng.integers(2**32))
        ranking = rank_by_clusters(program, channels, scenes, self.cluster, seed)
        if ranking is None:
            wanted = "images with boxes" if self.cluster.regions == "boxes" else "images"
            said = f"criterion cluster needs {wanted}, and the recipe's data has none"
            advice = "add `coco` labels to data.calibration or data.validation, or set `cluster: {regions: whole}`"
            raise CompressError(Diagnostic(CRITERION_LACKS, said, advice))
        if self.cluster.order == "sequential" and context.scenes is not None:
            ranking.look = look_again(program, channels, context.scenes, self.cluster)
        return ranking

    def _counts(self, program: ProgramView, channels: Channels, target: Target) -> list[tuple[ChannelGroup, Count]]:
        """Count for each group how many units stay."""
        own, multiple = self._levels(program), self._multiple(target)
        counts: list[tuple[ChannelGroup, Count]] = []
        for group in self._chosen(program, channels):
            level = min((own[layer] for layer in group.layers if layer in own), default=self.level)
            step = unit_step(channels, group, multiple)
            counts.append((group, count_at(group.units.size, level, self.min_channels, step)))
        return counts

    def _multiple(self, target: Target) -> int:
        """Choose what counts are rounded to: the recipe's word, else nothing in the paper preset, else the target's."""
        if self.channel_multiple is not None:
            return self.channel_multiple
        return 1 if self.cluster.preset == "paper" else target.channel_multiple.prefer


def _kept_filters(channels: Channels, gone: NDArray[np.bool_]) -> dict[str, tuple[int, ...]]:
    """Translate lost units into the filters that stay, for each layer that loses any."""
    kept: dict[str, tuple[int, ...]] = {}
    for layer, use in channels.filters.items():
        labels = channels.labels_of(use.ids)
        stays = (labels < 0) | ~gone[np.maximum(labels, 0)] if gone.size else labels < 0
        if not stays.all():
            kept[layer] = tuple(np.flatnonzero(stays).tolist())
    return kept


def _gone_labels(channels: Channels, decision: Kept) -> Ids:
    """Translate a decision back into the units that go."""
    gone: list[Ids] = [np.zeros(0, dtype=np.int64)]
    for layer, kept in decision.kept.items():
        stays = np.zeros(channels.filters[layer].ids.size, dtype=bool)
        stays[list(kept)] = True
        gone.append(channels.labels_of(channels.filters[layer].ids[~stays]))
    return np.unique(np.concatenate(gone))
