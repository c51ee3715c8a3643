"""Equalisation, which ptq begins with, on random graphs."""

from hypothesis import HealthCheck, given, settings

from compiler.ir import Program
from compiler.rewrites.equalize import channel_peaks, equalize, even_out
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
    even_out(twin, channel_peaks(program, [feeds_for(program)]))
    assert distance(outputs_of(program), outputs_of(twin)) < ROUNDING
