"""The clean-ups as the compiler runs them: one after the other, on random networks."""

from hypothesis import HealthCheck, given, settings

from compiler.ir import Program, verify
from compiler.plan import CLEAN_UPS
from tests.support.networks import networks
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(program=networks(most_layers=14))
def test_all_clean_ups_in_a_row_keep_outputs(program: Program) -> None:
    after = program
    for name in CLEAN_UPS:
        after = apply(name, after).program
    assert verify(after) == []
    assert distance(outputs_of(program), outputs_of(after)) < 2 * ROUNDING
    assert len(after) <= len(program)
