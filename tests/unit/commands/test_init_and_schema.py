"""`compress init` and `compress schema`: what they write can be used at once."""

import json
from pathlib import Path
from typing import Any, cast

import jsonschema
import onnx
import pytest
import yaml

from tests.support.commands import RECIPES, compress


@pytest.mark.parametrize("target", ["tx2", "host", "rk3399"])
def test_a_first_recipe_lints_clean(tmp_path: Path, target: str) -> None:
    made = compress("init", RECIPES / "quickstart/detector.onnx", "--target", target, cwd=tmp_path)
    assert made.status == 0
    assert made.out == "wrote recipe.yaml; next: compress lint recipe.yaml\n"
    said = compress("lint", "recipe.yaml", cwd=tmp_path)
    assert said.status == 0, said.out
    assert "error" not in said.out
    assert "T020" not in said.out and "T021" not in said.out


def test_a_first_recipe_builds_and_every_comment_can_be_put_to_use(tmp_path: Path) -> None:
    assert compress("init", RECIPES / "quickstart/detector.onnx", "--target", "host", cwd=tmp_path).status == 0
    assert compress("build", "recipe.yaml", cwd=tmp_path).status == 0
    lines = (tmp_path / "recipe.yaml").read_text().splitlines()
    keys = ("# data:", "#   calibration", "#   validation", "#   preprocess", "# evaluate:", "# budget:")
    whole = [line[2:] if line.startswith(keys) else line for line in lines]
    (tmp_path / "recipe.yaml").write_text("\n".join(whole))
    said = compress("lint", "recipe.yaml", cwd=tmp_path)
    assert said.status == 0, said.out


def test_sizes_that_a_model_leaves_open_are_given_on_the_command_line(tmp_path: Path) -> None:
    model = onnx.load(RECIPES / "quickstart/detector.onnx")
    model.graph.input[0].name, model.graph.node[0].input[0] = "in=put", "in=put"
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_param = "side"
    onnx.save(model, tmp_path / "open.onnx")
    said = compress("init", "open.onnx", cwd=tmp_path)
    assert said.status == 2
    assert "--input in=put=1,3,480,640" in said.out + said.err
    assert not (tmp_path / "recipe.yaml").exists()
    given = ("open.onnx", "--input", "in=put=1,3,96,128")
    assert compress("init", *given, cwd=tmp_path).status == 0
    assert compress("lint", "recipe.yaml", cwd=tmp_path).status == 0
    assert compress("inspect", *given, "--format", "json", cwd=tmp_path).json()["inputs"]["in=put"]["shape"] == [
        1,
        3,
        96,
        128,
    ]
    for way in ("--groups", "--stages"):
        assert compress("inspect", *given, way, cwd=tmp_path).status == 0


@pytest.mark.parametrize(
    "text", ["1,3,96,96", "=1,3", "images=", "images=1,3,0,8", "images=1,-3", "images=1,3,x", "i=" + "9" * 50]
)
def test_an_input_without_a_name_or_a_size_above_zero_is_refused(tmp_path: Path, text: str) -> None:
    said = compress("init", RECIPES / "quickstart/detector.onnx", "--input", text, cwd=tmp_path)
    assert said.status == 2
    assert "NAME=1,3,480,640" in said.out + said.err


@pytest.mark.parametrize("stem", ["con", "-", "モデル", "a" * 200, "Net v2.1 (final)", "COM1.v2"])
def test_a_product_is_named_after_any_file(tmp_path: Path, stem: str) -> None:
    path = tmp_path / f"{stem}.onnx"
    path.write_bytes((RECIPES / "quickstart/detector.onnx").read_bytes())
    assert compress("init", path, "--out", tmp_path / "r.yaml").status == 0
    said = compress("lint", tmp_path / "r.yaml")
    assert said.status == 0, said.out


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*/recipe.yaml")), ids=lambda path: path.parent.name)
def test_the_schema_accepts_the_checked_in_recipes_and_refuses_faults(recipe: Path) -> None:
    schema = compress("schema").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = cast(dict[str, Any], yaml.safe_load(recipe.read_text()))
    validate = cast(Any, jsonschema).validate
    validate(document, schema)
    for fault in ({"sead": 1}, {"passes": [{"level-prune": {"level": 2}}]}, {"target": 7}, {"version": 2}):
        with pytest.raises(jsonschema.ValidationError):
            validate(document | fault, schema)


def test_the_schema_is_plain_json() -> None:
    assert json.loads(compress("schema").out)["type"] == "object"
