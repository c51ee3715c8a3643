"""What holds of level-prune on random networks: it equals masking, and keeps as many filters as it says."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.analysis.channels import FIXED, find_channels
from compiler.ir import Conv, ConvTranspose, Gemm, Program
from passes.level_prune import Kept
from tests.support.masking import masked
from tests.support.networks import networks
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply

many = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
percents = st.sampled_from([10, 30, 50, 70, 90])


@many
@given(program=networks(), percent=percents)
def test_a_pruned_network_equals_the_masked_one(program: Program, percent: int) -> None:
    applied = apply("level-prune", program, {"level": percent / 100})
    assert isinstance(applied.decision, Kept)
    hidden = masked(program, applied.decision.kept)
    assert distance(outputs_of(hidden), outputs_of(applied.program)) < ROUNDING


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
