"""Fidelity: how far outputs are apart, not-a-number and infinity included."""

import numpy as np
import pytest

from compiler.diagnostic import CompressError
from compiler.fidelity import Probe, make_probe
from compiler.ir import Program, parse_program


def program(operator: str) -> Program:
    """Make a network of one operator on four numbers."""
    return parse_program(f"g (float[4] x) => (float[4] y) {{ [op] y = {operator} (x) }}")


SAMPLES = [{"x": np.array([0.5, 1.0, -2.0, 4.0], np.float32)}]


def test_identical_outputs_have_no_noise() -> None:
    probe = Probe(program("Abs"), SAMPLES)
    found = probe.compare(probe.outputs(program("Abs")))
    assert (found.sqnr_db, found.max_abs_error, found.relative_error) == (None, 0, 0)


def test_noise_is_measured_against_the_signal() -> None:
    probe = Probe(program("Identity"), SAMPLES)
    found = probe.compare(probe.outputs(program("Abs")))
    assert found.max_abs_error == 4
    assert found.relative_error == 1
    assert found.sqnr_db == pytest.approx(10 * np.log10((0.25 + 1 + 4 + 16) / 16))


def test_a_value_that_stops_being_a_number_is_infinitely_far() -> None:
    probe = Probe(program("Identity"), SAMPLES)
    for operator in ("Log", "Sqrt"):
        found = probe.compare(probe.outputs(program(operator)))
        assert (found.sqnr_db, found.max_abs_error, found.relative_error) == (None, np.inf, np.inf)


def test_what_was_no_number_before_may_stay_none() -> None:
    probe = Probe(program("Sqrt"), SAMPLES)
    found = probe.compare(probe.outputs(program("Sqrt")))
    assert (found.sqnr_db, found.max_abs_error) == (None, 0)


def test_an_output_that_is_gone_is_infinitely_far() -> None:
    probe = Probe(program("Abs"), SAMPLES)
    assert probe.compare([{}]).relative_error == np.inf


def test_a_step_is_measured_from_the_step_before() -> None:
    probe = Probe(program("Identity"), SAMPLES)
    assert probe.step(probe.outputs(program("Abs"))).max_abs_error == 4
    assert probe.step(probe.outputs(program("Abs"))).max_abs_error == 0


def test_a_network_that_cannot_run_is_a_finding() -> None:
    with pytest.raises(CompressError) as caught:
        make_probe(program("Abs"), [{"x": np.zeros(3, np.float32)}])
    assert caught.value.diagnostics[0].code.id == "P013"
