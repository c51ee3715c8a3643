"""Remove the least important filters of every layer: the same share everywhere, or shared out under one budget."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from compiler.analysis.allocation.allocate import Bounds, Limits, Shared, Weights, allocate
from compiler.analysis.allocation.counts import count_at, unit_step
from compiler.analysis.allocation.faults import check_scope
from compiler.analysis.allocation.goal import Goal
from compiler.analysis.allocation.record import record
from compiler.analysis.allocation.rounds import goal_on_the_way, sizes_at_start
from compiler.analysis.allocation.weigh import samples_for, weigh
from compiler.analysis.channels import ChannelGroup, Channels, find_channels, gone_units
from compiler.analysis.cost import cost
from compiler.analysis.criteria import (
    ClusterOptions,
    ClusterRanking,
    CriterionName,
    FirstRanking,
    Ranking,
    check_pictures,
    choose_scenes,
    cluster_pictures,
    no_scenes,
    rank,
)
from compiler.analysis.makeup import SAMPLES, make_up, mark, representatives, stand_in_make_up
from compiler.analysis.selectors import check_selectors, select
from compiler.codes.passes import NO_IMAGES_TO_MAKE_UP, ROUNDED_AWAY
from compiler.contracts import Context, Decision, Effect, Log, Offer, Pass, Picture, Sample
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView, refresh_types
from compiler.rewrites.cut_channels import cut_channels, cut_masked_channels
from compiler.rewrites.look_again import look_again
from compiler.rewrites.make_up import hand_over, raise_biases
from compiler.target import Target
from passes.decisions.kept import Kept, keep

Level = Annotated[float, Field(ge=0, lt=1)]
"""A share of filters to remove."""


class LevelPrune(Pass):
    """Remove the least important filters of every layer: the same share everywhere, or shared out under one budget.

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

    `scope: global` gives layers levels of their own under one budget. `goal` states it: `parameters`, `macs`, `bytes`
    or `predicted_ms`, as a number or as a part of what there is, `goal: {macs: 0.4x}`; without it, it is the parameters
    that the local scope would leave at `level`. Units go one step of `channel_multiple` after the other, always where
    s L / g rises least: L = log(1 - D) / log(1 - D at half), D being the share of the group's scores that is lost (for
    `cluster`, of the sum of squares that Ward's method merges), s how far the outputs move, relative to their range,
    when half of the group's units are silenced alone, and g what the network saves at the widths that it has by then,
    in a group's own weights and all that read it. A layer bound by its launch alone saves no milliseconds and is left
    alone. Each layer keeps at least 1 - `max_level` of its filters; those that `levels` selects keep their own level.
    s is seen on calibration images, or on random inputs if there are none. Lint meets the same goal by shrinking all
    layers alike: the size is right, each layer's width is not.

    Inside a `repeat` each round goes further: round 2 of 3 prunes to two thirds of `level`, or of the way to `goal`,
    counted from the network before the first round, so that the last round ends where one pass alone would.

    Filters that reach an output of the network, or an operator whose channels the compiler cannot follow, stay; the
    report says which and why. The network really gets smaller: weights are cut, nothing is masked.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["level"]}, {"required": ["goal"]}]})

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"affine-folded"})
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "interleaved-deconvs": "channels cannot be followed through the interleaving of a split transposed convolution",
        "narrow-weights": "weights that are stored in half precision stand behind a conversion and cannot be cut",
        "integers": "weights that are stored as integers stand behind a conversion and cannot be cut",
    }
    comes_before: ClassVar[Mapping[str, str]] = {
        "fp16": "filters are chosen in full precision, and what is left is narrowed (G4)",
        "zeros": "filters go before single weights (G5): zeros in removed filters are lost",
    }
    undoes: ClassVar[Mapping[str, str]] = {"zero-pattern": "removing channels tears the groups of N:M apart"}
    leaves: ClassVar[frozenset[str]] = frozenset({"pruned"})

    level: Level | None = Field(
        default=None, description="share of each layer's filters to remove; needed without goal"
    )
    levels: dict[str, Level] = Field(default={}, description="levels of their own, for the layers that these select")
    criterion: CriterionName = Field(default="l1", description="how a filter's importance is measured")
    cluster: ClusterOptions = Field(default=ClusterOptions(), description="what the cluster criterion looks at")
    removed: Literal["drop", "absorb", "merge"] = Field(
        default="drop", description="what becomes of removed channels: nothing, into biases, or into the channels kept"
    )
    scope: Literal["local", "global"] = Field(
        default="local", description="local: the same level in every layer; global: one budget for all layers"
    )
    goal: Goal | None = Field(default=None, description="for scope global: what may be left, such as {macs: 0.4x}")
    max_level: Level = Field(default=0.9, description="for scope global: the largest share that any layer loses")
    sensitivity_images: int = Field(
        default=4, ge=0, description="for scope global: images to see on how much each layer matters; 0: all alike"
    )
    only: tuple[str, ...] = Field(default=(), description="prune these layers only: names, globs, operator types")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers alone")
    channel_multiple: int | None = Field(
        default=None, ge=1, description="round the number that stays up to a multiple of this; default: the target's"
    )
    min_channels: int = Field(default=1, ge=1, description="keep at least this many filters")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.removed == "merge" and self.criterion != "cluster":
            raise ValueError(f"`removed: merge` needs `criterion: cluster`, not {self.criterion}")
        stated = {name for name in self.model_fields_set if getattr(self, name) is not None}
        check_scope(type(self).__name__, self.scope, stated)
        return self

    def wants(self, offer: Offer) -> Iterator[Diagnostic]:
        """Want what the criterion looks at, and images where removed channels are made up for."""
        if self.criterion == "cluster" and not (offer.boxes if self.cluster.regions == "boxes" else offer.pictures):
            yield no_scenes(self.cluster)
        if self.removed != "drop" and not offer.pictures:
            yield self._no_images()

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield an error for each selector that matches nothing."""
        del target
        for option, patterns in (("levels", tuple(self.levels)), ("only", self.only), ("skip", self.skip)):
            yield from check_selectors(program, patterns, option)
        yield from check_pictures(program, self.cluster)

    def decide(self, program: ProgramView, context: Context) -> Kept:
        """Choose what stays: by score, or on the lint path simply the first ones, as many as there will be."""
        channels = find_channels(program)
        ranking: Ranking = FirstRanking()
        if not context.is_stand_in or self.criterion == "batchnorm-scale":  # lint sees that normalisations are missing
            scenes = () if context.scenes is None else context.scenes()
            ranked = replace(channels, groups=tuple(self._chosen(program, channels)))
            ranking = rank(self.criterion, self.cluster, program, ranked, scenes, context.rng)
        if isinstance(ranking, ClusterRanking) and self.cluster.order == "sequential" and context.scenes is not None:
            ranking.look = look_again(program, channels, context.scenes, self.cluster)
        bounds = self._bounds(program, channels, context)
        shared = self._share(program, channels, context, ranking, bounds) if self.scope == "global" else None
        counts = [(bound.group, bound.count) for bound in bounds] if shared is None else shared.counts
        decision = keep(channels, ranking, counts)
        if self.removed != "drop":
            decision = self.made_up(program, channels, context, decision)
        if shared is None:
            return decision
        found = record(
            channels, bounds, shared, decision.kept, self._cost_after(program, decision, context, shared.name)
        )
        return decision.model_copy(update={"allocation": found})

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
        if whole := [layer for layer in decision.rounded if layer not in decision.kept]:
            more = f" and {len(whole) - 3} more" if len(whole) > 3 else ""
            said = f"rounding up to a multiple of channels keeps layers whole: {', '.join(whole[:3])}{more}"
            log.find(Diagnostic(ROUNDED_AWAY, said, "set `channel_multiple: 1` if size counts more than speed"))
        gone = gone_units(channels, decision.kept)
        if decision.merged:
            standing_in = representatives(channels, decision.clusters, decision.kept)
            hand_over(program, channels, mark(channels, gone), standing_in, decision.merged)
        # What is made up for from images includes what a masked channel would carry.
        cut = cut_channels if decision.absorbed or decision.merged else cut_masked_channels
        cut(program, channels, gone)
        raise_biases(program, decision.absorbed)

    def made_up(self, program: ProgramView, channels: Channels, context: Context, decision: Kept) -> Kept:
        """Work out what the readers of removed channels miss. Raises CompressError when there are no images."""
        gone = mark(channels, gone_units(channels, decision.kept))
        if context.is_stand_in:
            found = stand_in_make_up(program, channels, gone)
        else:
            standing_in = representatives(channels, decision.clusters, decision.kept)
            merging = standing_in if self.removed == "merge" else None
            found = make_up(program, channels, gone, self._samples(context), merging)
        if found is None:
            raise CompressError(self._no_images())
        return decision.model_copy(update={"absorbed": found.absorbed, "merged": found.merged})

    def _no_images(self) -> Diagnostic:
        said = f"`removed: {self.removed}` needs images, and the recipe's data has none"
        return Diagnostic(NO_IMAGES_TO_MAKE_UP, said, "add data.calibration, or set `removed: drop`")

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
        wanted, spared = select(program, self.only or ("*",)), select(program, self.skip)
        return [g for g in channels.groups if wanted.intersection(g.layers) and not spared.intersection(g.layers)]

    def _levels(self, program: ProgramView) -> dict[str, float]:
        """Give each layer that `levels` selects its level; later selectors win."""
        return {layer: level for pattern, level in self.levels.items() for layer in select(program, (pattern,))}

    def _share(
        self, program: ProgramView, channels: Channels, context: Context, ranking: Ranking, bounds: list[Bounds]
    ) -> Shared:
        """Share the budget out over the groups. Raises CompressError when the goal is out of reach."""
        weights = None
        if not context.is_stand_in:
            samples, said = samples_for(program, context.calibration, self.sensitivity_images, context.rng)
            weights = Weights(weigh(program, channels, [bound.group for bound in bounds], ranking, samples), said)
        model = context.target.cost
        goal = goal_on_the_way(self.goal, context.origin, context.way, model)
        limits = Limits(goal, 1 - self.max_level, self.min_channels)
        return allocate(program, channels, model, bounds, weights, limits)

    def _cost_after(self, program: ProgramView, decision: Kept, context: Context, name: str) -> float:
        """Carry a decision out on a copy and count the goal's cost there, by the function that the report uses."""
        assert isinstance(program, Program)
        twin = program.clone()
        self.rewrite(twin, decision, Log())
        refresh_types(twin)
        return float(getattr(cost(twin, context.target.cost), name))

    def _bounds(self, program: ProgramView, channels: Channels, context: Context) -> list[Bounds]:
        """Count for each group how many units its level leaves, and say whether the level is its own."""
        own, multiple, bounds = self._levels(program), self._multiple(context.target), list[Bounds]()
        chosen = self._chosen(program, channels)
        for group, start in zip(chosen, sizes_at_start(chosen, context.origin), strict=True):
            levels = [own[layer] for layer in group.layers if layer in own]
            level = Fraction(str(min(levels, default=self.level or 0.0))) * context.way
            step = unit_step(channels, group, multiple)
            count = count_at(group.units.size, level, self.min_channels, step, start)
            bounds.append(Bounds(group, count, bool(levels), step))
        return bounds

    def _multiple(self, target: Target) -> int:
        """Choose what counts are rounded to: the recipe's word, else nothing in the paper preset, else the target's."""
        usual = 1 if self.cluster.preset == "paper" else target.channel_multiple.prefer
        return usual if self.channel_multiple is None else self.channel_multiple
