"""ONNX's own operator cases compute the same when they are written in any older version, or say why they cannot be."""

import onnx
import pytest

from compiler.contracts import Log
from compiler.ir import Program, from_model, refresh_types, to_model, verify
from passes.lower_opset import LowerOpset, Opset
from tests.support.node_cases import NodeCase, compute, frozen, node_cases
from tests.support.running import distance

HALF_ROUNDING = 2e-3


@pytest.mark.parametrize("opset", [13, 15, 17, 18, 20, 22])
def test_what_is_lowered_computes_the_same_and_what_is_not_says_why(opset: int) -> None:
    faults = [fault for case in node_cases()[::3] for fault in _faults(case, opset)]
    assert faults == []


def _faults(case: NodeCase, opset: int) -> list[str]:
    model = frozen(case)
    program = _read(model)
    if program is None or program.opset <= opset:
        return []
    log = Log()
    LowerOpset().rewrite(program, Opset(opset=opset), log)
    if log.skipped:
        return [] if not program.journal else [f"{case.name}: refused and edited"]
    refresh_types(program)
    if problems := verify(program):
        return [f"{case.name}: {problems[0]}"]
    feeds = {value.name: case.feeds[value.name] for value in model.graph.input}
    expected, found = compute(model, feeds), compute(to_model(program), feeds)
    if expected is None or found is None:
        return [f"{case.name}: cannot be run"]
    return [] if distance(expected, found) < HALF_ROUNDING else [f"{case.name}: computes something else"]


def _read(model: onnx.ModelProto) -> Program | None:
    """Read a case that is a program and the same at every run."""
    is_foreign = any(opset.domain not in ("", "ai.onnx") for opset in model.opset_import)
    if is_foreign or any(node.op_type in ("Bernoulli", "MeanVarianceNormalization") for node in model.graph.node):
        return None
    if any(node.op_type.startswith("Random") for node in model.graph.node):
        return None
    program = from_model(model)
    refresh_types(program)
    program.clear_journal()
    return program
