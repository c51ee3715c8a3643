"""What holds of level-prune on random networks: it equals masking, and keeps as many filters as it says."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from compiler.analysis.channels import FIXED, find_channels
from compiler.analysis.cost import count_parameters
from compiler.contracts import Context, Log
from compiler.ir import Array, Conv, ConvTranspose, Gemm, Program, refresh_types, verify
from passes.decisions.kept import Kept
from passes.level_prune import LevelPrune
from tests.support.masking import masked
from tests.support.networks import networks
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of
from tests.support.steps import apply, target

many = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
percents = st.sampled_from([10, 30, 50, 70, 90])
others = st.fixed_dictionaries(
    {},
    optional={
        "criterion": st.sampled_from(["l1", "l2", "geometric-median", "random"]),
        "levels": st.sampled_from([{"Conv": 0.2}, {"ConvTranspose": 0.8, "conv*": 0.4}]),
        "only": st.sampled_from([("Conv",), ("conv_2*", "Gemm")]),
        "skip": st.sampled_from([("ConvTranspose",), ("conv_node",)]),
        "channel_multiple": st.integers(1, 4),
        "min_channels": st.integers(1, 4),
    },
)


@many
@given(program=networks(), percent=percents, other=others)
def test_a_pruned_network_equals_the_masked_one(program: Program, percent: int, other: dict[str, object]) -> None:
    applied = apply("level-prune", program, {"level": percent / 100, **other})
    assume(not applied.refusals)  # a selector that matches nothing
    assert isinstance(applied.decision, Kept)
    assert verify(applied.program) == []
    hidden = masked(program, applied.decision.kept)
    assert distance(outputs_of(hidden), outputs_of(applied.program)) < ROUNDING


@settings(many, max_examples=60)
@given(
    program=networks(),
    percent=percents,
    criterion=st.sampled_from(["l1", "geometric-median", "random"]),
    images=st.sampled_from([0, 1]),
    multiple=st.sampled_from([1, 2]),
)
def test_a_network_pruned_under_one_budget_equals_the_masked_one_and_meets_the_budget(
    program: Program, percent: int, criterion: str, images: int, multiple: int
) -> None:
    local = apply("level-prune", program, {"level": percent / 100, "channel_multiple": multiple})
    options = {"level": percent / 100, "scope": "global", "criterion": criterion, "channel_multiple": multiple}
    applied = apply("level-prune", program, options | {"sensitivity_images": images})
    assert isinstance(applied.decision, Kept)
    hidden = masked(program, applied.decision.kept)
    assert distance(outputs_of(hidden), outputs_of(applied.program)) < ROUNDING
    found = applied.decision.allocation
    assert found is not None
    assert found.goal == count_parameters(local.program)[0]
    assert found.reached == count_parameters(applied.program)[0] <= found.goal
    again = apply("level-prune", program, options | {"sensitivity_images": images})
    assert again.decision == applied.decision


@many
@given(program=networks(), percent=percents)
def test_every_independent_layer_keeps_its_share(program: Program, percent: int) -> None:
    """A layer is independent when all its filters are free and each is a unit of its own in one group."""
    applied = apply("level-prune", program, {"level": percent / 100})
    assert isinstance(applied.decision, Kept)
    channels = find_channels(program)
    for group in channels.groups:
        for layer in group.layers:
            ids = channels.filters[layer].ids
            if layer in channels.kept or not np.array_equal(np.sort(channels.labels_of(ids)), group.units):
                continue
            n = ids.size
            stay = applied.decision.kept.get(layer, tuple(range(n)))
            assert len(stay) == max(1, n * (100 - percent) // 100)


@many
@given(program=networks())
def test_every_layer_is_pruned_or_said_to_stay(program: Program) -> None:
    applied = apply("level-prune", program, {"level": 0.9})
    channels = find_channels(program)
    said = {skip.layer for skip in applied.log.skipped}
    grouped = {layer for group in channels.groups for layer in group.layers}
    layers = {op.name for kind in (Conv, ConvTranspose, Gemm) for op in program.each(kind)}
    assert layers <= said | grouped


@many
@given(program=networks())
def test_units_of_a_group_are_interchangeable(program: Program) -> None:
    """Each unit of a group holds equally many filters of each of its layers, and units partition the free filters."""
    channels = find_channels(program)
    seen: list[int] = []
    for group in channels.groups:
        seen += group.units.tolist()
        for layer in group.layers:
            labels = channels.labels_of(channels.filters[layer].ids)
            counts = {int(np.count_nonzero(labels == unit)) for unit in group.units}
            assert len(counts) == 1
            assert FIXED not in group.units
    assert len(seen) == len(set(seen))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(program=networks(), percent=percents)
def test_absorbing_gives_a_sound_network_of_the_shape_that_lint_sees(program: Program, percent: int) -> None:
    todo = LevelPrune(level=percent / 100, removed="absorb", channel_multiple=1)
    shapes: list[dict[str, list[tuple[int, ...] | None]]] = []
    for is_stand_in in (False, True):
        rng = np.random.default_rng(0)
        images = partial(_images, program)
        decision = todo.decide(program, Context(target(), rng, images, is_stand_in=is_stand_in))
        twin = program.clone()
        todo.rewrite(twin, Kept.model_validate_json(decision.model_dump_json()), Log())
        refresh_types(twin)
        assert verify(twin) == []
        assert all(np.isfinite(value).all() for value in outputs_of(twin).values())
        shapes.append({op.name: [twin.shape(name) for name in op.inputs if name] for op in twin.each()})
    assert shapes[0] == shapes[1]


def _images(program: Program) -> Iterator[dict[str, Array]]:
    yield from (feeds_for(program, seed) for seed in range(2))
