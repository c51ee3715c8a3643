"""Layers that go back to float one by one until the outputs are quiet enough, on random networks."""

import pytest
from hypothesis import HealthCheck, given, settings

from compiler.ir import Program, verify
from tests.support.networks import networks
from tests.support.running import distance, outputs_of
from tests.support.steps import apply


@pytest.mark.parametrize("on", ["host", "rk3399", "orin-nano"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(program=networks(most_layers=6))
def test_any_budget_of_noise_can_be_asked_for(on: str, program: Program) -> None:
    fitted = apply("lower-operators", program, on=on).program
    applied = apply("ptq", fitted, {"min_sqnr_db": 150, "calibrate": "minmax", "equalize": False}, on=on)
    assert verify(applied.program) == []
    # Only what moves values, or rounds nothing, may still be in integers.
    assert distance(outputs_of(fitted), outputs_of(applied.program)) < 0.1
