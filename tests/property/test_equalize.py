"""Equalisation, which ptq begins with, on random graphs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from compiler.analysis.quantization import gather, watch
from compiler.ir import Program
from compiler.rewrites.equalize import channel_peaks, equalize, even_out, tensors_between
from tests.support.networks import networks
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of

many = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@many
@given(program=networks())
def test_equalising_changes_no_output(program: Program) -> None:
    twin = program.clone()
    equalize(twin)
    assert distance(outputs_of(program), outputs_of(twin)) < ROUNDING


@many
@given(program=networks())
def test_levelling_channels_changes_no_output(program: Program) -> None:
    twin = program.clone()
    even_out(twin, channel_peaks(watch(program, tensors_between(program)), [feeds_for(program)]))
    assert distance(outputs_of(program), outputs_of(twin)) < ROUNDING


@pytest.mark.parametrize("by", ["values", "weights"])
@many
@given(program=networks())
def test_what_evened_out_channels_hold_is_known_without_running_the_network_again(program: Program, by: str) -> None:
    twin, between, images = program.clone(), tensors_between(program), [feeds_for(program, seed) for seed in range(2)]
    watched = watch(program, between)
    divisors = even_out(twin, channel_peaks(watched, images) if by == "values" else {})
    foretold = gather(watched, between, between, lambda: iter(images), [{}, divisors])[1]
    found = gather(watch(twin, between), between, between, lambda: iter(images))[0]
    for tensor in between:
        told, seen = foretold.histograms[tensor], found.histograms[tensor]
        np.testing.assert_allclose((told.low, told.high), (seen.low, seen.high), rtol=1e-3, atol=1e-3)
        assert told.counts.sum() == seen.counts.sum()
        np.testing.assert_allclose(foretold.means[tensor], found.means[tensor], rtol=1e-3, atol=1e-3)
