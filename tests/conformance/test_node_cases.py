"""ONNX's own operator cases survive reading, writing and every exact pass, with their outputs unchanged."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from compiler.ir import Array, Program, from_model, refresh_types, to_model, verify
from tests.support.node_cases import NodeCase, all_frozen, compute, frozen, node_cases
from tests.support.running import ROUNDING, distance
from tests.support.steps import apply, exact_passes

SHARDS = 12
RANDOM = {"test_bernoulli", "test_bernoulli_double", "test_bernoulli_double_expanded", "test_bernoulli_expanded"}
REFUSED = {
    "its operators are not ONNX's own, and the loader refuses models without ONNX's own": {
        "test_adagrad",
        "test_adagrad_multiple",
        "test_adam",
        "test_adam_multiple",
        "test_ai_onnx_ml_array_feature_extractor",
        "test_ai_onnx_ml_binarizer",
        "test_ai_onnx_ml_tree_ensemble_set_membership",
        "test_ai_onnx_ml_tree_ensemble_single_tree",
        "test_momentum",
        "test_momentum_multiple",
        "test_nesterov_momentum",
    },
    "ONNX's shape inference fails on the operator's own definition": {"test_mvn"},
}
"""The cases that are no programs, by reason."""

Make = Callable[[NodeCase], onnx.ModelProto]


def shard(number: int) -> list[NodeCase]:
    refused = RANDOM.union(*REFUSED.values())
    return [case for case in node_cases()[number::SHARDS] if case.name not in refused]


def whole(case: NodeCase) -> onnx.ModelProto:
    return case.model


@pytest.mark.parametrize("number", range(SHARDS))
def test_an_operator_is_read_and_written_without_a_change(number: int) -> None:
    faults = [(case.name, fault) for case in shard(number) if (fault := _read_and_write(case)) is not None]
    assert faults == []


@pytest.mark.parametrize("make", [frozen, all_frozen])
@pytest.mark.parametrize("number", range(SHARDS))
def test_every_exact_pass_keeps_what_an_operator_computes(number: int, make: Make) -> None:
    faults = [(case.name, *fault) for case in shard(number) for fault in _pass_faults(case, make(case))]
    assert faults == []


def test_refusals_are_as_listed() -> None:
    found = {case.name for case in node_cases() if _is_refused(case)}
    assert found == set().union(*REFUSED.values())


def _read(model: onnx.ModelProto) -> Program:
    program = from_model(model)
    refresh_types(program)
    return program


def _is_refused(case: NodeCase) -> bool:
    if not any(opset.domain in ("", "ai.onnx") for opset in case.model.opset_import):
        return True
    try:
        return verify(_read(case.model)) != []
    except onnx.shape_inference.InferenceError:
        return True


def _read_and_write(case: NodeCase) -> str | None:
    program = _read(case.model)
    if problems := verify(program):
        return problems[0]
    written = to_model(program)
    onnx.checker.check_model(written)
    expected, found = compute(case.model, case.feeds), compute(written, case.feeds)
    if expected is None or found is None:
        return "cannot be run"
    return None if distance(expected, found) == 0 else "computes something else"


def _pass_faults(case: NodeCase, model: onnx.ModelProto) -> list[tuple[str, object]]:
    program, faults = _read(model), list[tuple[str, object]]()
    feeds = {value.name: case.feeds[value.name] for value in model.graph.input}
    expected = compute(model, feeds)
    assert expected is not None, case.name
    for name in exact_passes():
        applied = apply(name, program)
        if not applied.is_changed:
            continue
        if problems := verify(applied.program):
            faults.append((name, problems[0]))
            continue
        found = compute(to_model(applied.program), feeds)
        moved = float("inf") if found is None else distance(expected, found)
        if not moved < _tolerance(expected):
            faults.append((name, moved))
    return faults


def _tolerance(outputs: dict[str, Array]) -> float:
    """Allow the rounding of the coarsest element type."""
    return max(2 * float(np.finfo(np.float16).eps) if value.dtype.itemsize == 2 else ROUNDING
               for value in outputs.values())  # fmt: skip
