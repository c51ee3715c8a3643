"""Each recipe with a torch model has a structure lock that is up to date."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
import yaml

from compiler.contracts import Context
from compiler.frontends.source import load_structure
from compiler.frontends.structure import read_structure, stand_in_weights, structure_digest
from compiler.frontends.torch_factory import OPSET, factory_source
from compiler.pipeline import Instruments, run
from compiler.plan import make_plan
from compiler.recipe import load_recipe

LOCKS = sorted((Path(__file__).parents[3] / "recipes").glob("*/structure.onnx.txt"))


def test_both_reference_recipes_are_locked() -> None:
    assert {lock.parent.name for lock in LOCKS} >= {"barn-camera", "drone-gesture"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: cast(Path, lock).parent.name)
def test_a_lock_belongs_to_the_recipe_beside_it(lock: Path) -> None:
    recipe = cast(dict[str, Any], yaml.safe_load((lock.parent / "recipe.yaml").read_text(encoding="utf-8")))
    model = recipe["model"]
    structure, digest = read_structure(lock.read_text(encoding="utf-8"))
    source = factory_source(model["torch"], lock.parent)
    assert digest == structure_digest(source, model.get("args", {}), model["inputs"], OPSET)
    declared = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in structure.graph.input}
    assert declared == model["inputs"]


@pytest.mark.parametrize(("name", "parameters"), [("barn-camera", 6_014_038), ("drone-gesture", 33_999_440)])
def test_a_lock_declares_every_parameter(name: str, parameters: int) -> None:
    lock = next(lock for lock in LOCKS if lock.parent.name == name)
    structure, _ = read_structure(lock.read_text(encoding="utf-8"))
    weights = stand_in_weights(structure)
    assert sum(array.size for name, array in weights.items() if "running" not in name) == parameters
    norms = [node for node in structure.graph.node if node.op_type == "BatchNormalization"]
    assert all(float(weights[norm.input[index]].flat[0]) == 1 for norm in norms for index in (1, 4))
    inferred = onnx.shape_inference.infer_shapes(structure, strict_mode=True)
    made = {value.name for value in (*inferred.graph.value_info, *inferred.graph.output)}
    assert all(output in made for node in structure.graph.node for output in node.output)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: cast(Path, lock).parent.name)
def test_lint_knows_every_shape_of_a_locked_network(lock: Path) -> None:
    program = load_structure(load_recipe(lock.parent / "recipe.yaml")).program
    assert [str(op) for op in program.each() if program.shape(op.y) is None] == []


def test_lint_prunes_a_locked_network_as_far_as_a_build_does() -> None:
    loaded = load_recipe(Path(__file__).parents[3] / "recipes/barn-camera/recipe.yaml")
    plan = make_plan(loaded, "tx2")
    context = Context(plan.target, np.random.default_rng(0), is_stand_in=True)
    done = run(plan, load_structure(loaded).program, context, Instruments())
    assert done.costs.parameters == 1_507_798
