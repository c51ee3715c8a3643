"""What holds of every installed pass on random networks."""

import pytest
from hypothesis import HealthCheck, given, settings

from compiler.analysis.cost import count_parameters
from compiler.diagnostic import CompressError
from compiler.ir import Program, digest, verify
from compiler.registry import pass_names
from tests.support.networks import networks
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply, exact_passes

OPTIONS: dict[str, dict[str, object]] = {
    "backbone-swap": {"to": "mobilenet-v1", "width": 0.1},
    "level-prune": {"level": 0.5},
    "weight-prune": {"level": 0.5},
}
"""Options that a pass cannot do without."""

FORMS: list[tuple[str, dict[str, object] | None]] = [
    *((name, OPTIONS.get(name)) for name in pass_names()),
    ("weight-prune", {"level": 0.7, "scope": "global"}),
    ("weight-prune", {"pattern": "1:2"}),
    ("fp16", {"arithmetic": "half", "headroom": 1e9}),
    ("level-prune", {"level": 0.5, "scope": "global", "sensitivity_images": 1}),
    ("level-prune", {"scope": "global", "goal": {"macs": "0.9x"}, "sensitivity_images": 0, "max_level": 0.99}),
]
"""Every pass, and those of its options that make another pass of it."""

many = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize(("name", "options"), FORMS)
@many
@given(program=networks())
def test_a_pass_leaves_a_sound_program_and_says_what_it_changed(
    name: str, options: dict[str, object] | None, program: Program
) -> None:
    assert verify(program) == []
    before = digest(program)
    for on in ("tx2", "host"):
        try:
            applied = apply(name, program, options, on=on)
        except CompressError as refusal:
            assert [item.code.id for item in refusal.diagnostics] == ["P022"]  # a random network may hold fast
            continue
        assert verify(applied.program) == []
        assert applied.is_changed == (digest(applied.program) != before)
        assert digest(program) == before


@pytest.mark.parametrize("name", exact_passes())
@many
@given(program=networks())
def test_an_exact_pass_keeps_outputs_and_settles_in_one_run(name: str, program: Program) -> None:
    applied = apply(name, program, OPTIONS.get(name))
    if applied.is_changed:
        assert distance(outputs_of(program), outputs_of(applied.program)) < ROUNDING
        assert not apply(name, applied.program, OPTIONS.get(name)).is_changed


@pytest.mark.parametrize("name", pass_names())
@many
@given(program=networks())
def test_lint_sees_the_network_that_a_build_will_make(name: str, program: Program) -> None:
    real = apply(name, program, OPTIONS.get(name)).program
    stand_in = apply(name, program, OPTIONS.get(name), is_stand_in=True).program
    assert [real.type(name) for name in real.outputs] == [stand_in.type(name) for name in stand_in.outputs]
    assert count_parameters(real) == count_parameters(stand_in)
    assert _structure(real) == _structure(stand_in)


def _structure(program: Program) -> list[tuple[object, ...]]:
    return [(op.name, op.op_type, op.inputs, *(program.type(t) for t in op.inputs)) for op in program.each()]
