"""Real networks load, come out again with the same outputs, clean up exactly, and prune as masked."""

from pathlib import Path

import pytest
import yaml

from compiler.analysis.cost import count_parameters
from compiler.frontends.onnx_file import load_model, load_onnx
from compiler.frontends.structure import read_structure, stand_in_weights
from compiler.ir import Program, digest, from_model, refresh_types, to_model, verify
from compiler.plan import CLEAN_UPS
from passes.decisions.kept import Kept
from tests.support.masking import masked
from tests.support.real_networks import LARGE, SMALL, with_weights, without_weights
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply

RECIPES = Path(__file__).parents[2] / "recipes"
LOCKS = sorted(RECIPES.glob("*/structure.onnx.txt"))


def cleaned(program: Program) -> Program:
    for name in CLEAN_UPS:
        program = apply(name, program).program
    return program


def check_with_values(program: Program) -> None:
    assert verify(program) == []
    expected = outputs_of(program)
    again = from_model(to_model(program))
    refresh_types(again)
    assert digest(again) == digest(program)
    clean = cleaned(program)
    assert verify(clean) == []
    assert distance(expected, outputs_of(clean)) < ROUNDING
    pruned = apply("level-prune", clean, {"level": 0.5})
    assert verify(pruned.program) == []
    assert isinstance(pruned.decision, Kept)
    hidden = masked(clean, pruned.decision.kept)
    assert distance(outputs_of(hidden), outputs_of(pruned.program)) < ROUNDING
    assert count_parameters(pruned.program)[0] < count_parameters(clean)[0]


def check_structure(program: Program) -> None:
    assert verify(program) == []
    clean = cleaned(program)
    pruned = apply("level-prune", clean, {"level": 0.5}, is_stand_in=True).program
    assert verify(clean) == [] == verify(pruned)
    assert [program.type(name) for name in program.outputs] == [pruned.type(name) for name in pruned.outputs]
    assert count_parameters(pruned)[0] < 0.6 * count_parameters(clean)[0]


@pytest.mark.parametrize("name", SMALL)
def test_a_network_of_the_onnx_wheel_is_compiled_faithfully(name: str) -> None:
    loaded = load_model(with_weights(name), {}, name)
    assert loaded.findings == ()
    assert loaded.program.opset == 13
    check_with_values(loaded.program)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_network_of_the_onnx_wheel_is_pruned_without_its_weights(name: str) -> None:
    model, stand_ins = without_weights(name)
    check_structure(load_model(model, {}, name, stand_ins).program)


def test_the_quickstart_detector_is_compiled_faithfully() -> None:
    check_with_values(load_onnx(RECIPES / "quickstart" / "detector.onnx", {}).program)


@pytest.mark.parametrize("lock", LOCKS, ids=[lock.parent.name for lock in LOCKS])
def test_a_structure_lock_is_pruned_as_lint_does_it(lock: Path) -> None:
    proto, _ = read_structure(lock.read_text("utf-8"))
    inputs = yaml.safe_load((lock.parent / "recipe.yaml").read_text("utf-8"))["model"]["inputs"]
    shapes = {name: tuple(shape) for name, shape in inputs.items()}
    check_structure(load_model(proto, shapes, lock.parent.name, stand_in_weights(proto)).program)
