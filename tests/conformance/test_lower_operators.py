"""What lower-operators writes for the RK3399 computes the same: on ONNX's own operator cases and on random networks."""

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings

from compiler.ir import Program, from_model, refresh_types, to_model, verify
from tests.support.networks import networks
from tests.support.node_cases import NodeCase, compute, frozen, node_cases
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply

PASS, BOARD = "lower-operators", "rk3399"
SHARDS = 4
many = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@many
@given(program=networks())
def test_random_networks_stay_what_they_are_and_settle_in_one_run(program: Program) -> None:
    applied = apply(PASS, program, on=BOARD)
    assert verify(applied.program) == []
    if applied.is_changed:
        assert distance(outputs_of(program), outputs_of(applied.program)) < ROUNDING
        assert not apply(PASS, applied.program, on=BOARD).is_changed


@pytest.mark.parametrize("number", range(SHARDS))
def test_operator_cases_stay_what_they_are(number: int) -> None:
    faults = [(case.name, fault) for case in node_cases()[number::SHARDS] if (fault := _fault(case)) is not None]
    assert faults == []


def _fault(case: NodeCase) -> object:
    """Rewrite a case, if it is of opset 13 or can be written so, and compare."""
    model = frozen(case)
    if any(item.domain not in ("", "ai.onnx") or item.version < 13 for item in model.opset_import):
        return None
    try:
        program = from_model(model)
        refresh_types(program)
    except onnx.shape_inference.InferenceError:
        return None
    lowered = apply("lower-opset", program, on=BOARD).program
    applied = apply(PASS, lowered, on=BOARD)
    if not applied.is_changed:
        return None
    if problems := verify(applied.program):
        return problems[0]
    feeds = {name: case.feeds[name] for name in program.inputs}
    expected, found = compute(model, feeds), compute(to_model(applied.program), feeds)
    if expected is None or found is None:
        return "cannot be run"
    moved = distance(expected, found)
    kinds = {value.dtype for value in expected.values()}
    return None if moved < (2e-3 if np.dtype(np.float16) in kinds else ROUNDING) else moved
