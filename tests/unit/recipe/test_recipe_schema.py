"""The JSON Schema that editors check recipes with."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from compiler.recipe.schema import recipe_schema

VALID = Path(__file__).parents[2] / "golden" / "recipes" / "valid"
SMALL = "{version: 1, product: barn, model: {onnx: net.onnx}, target: tx2, %s}"
KEEP = {"$defs": {"Keep": {"enum": ["all", "none"]}}}
PASSES: dict[str, dict[str, Any]] = {
    "level-prune": {
        "type": "object",
        "description": "Prune filters.",
        "properties": {"level": {"type": "number"}, "criterion": {}, "scope": {}},
        "required": ["level"],
        "additionalProperties": False,
    },
    "finetune": {"type": "object"},
    "fp16": {"type": "object", "properties": {"keep": {"$ref": "#/$defs/Keep"}}, "additionalProperties": False, **KEEP},
}


def faults(text: str) -> list[str]:
    return [error.message for error in Draft202012Validator(recipe_schema(PASSES)).iter_errors(yaml.safe_load(text))]


def test_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(recipe_schema(PASSES))
    Draft202012Validator.check_schema(recipe_schema({}))


@pytest.mark.parametrize("name", ["barn_camera.yaml", "base/detector.yaml"])
def test_recipe_of_the_interface_fits(name: str) -> None:
    passes = PASSES | {"ptq": {"type": "object"}}
    document = yaml.safe_load((VALID / name).read_text()) | {"extends": "x"}
    assert list(Draft202012Validator(recipe_schema(passes)).iter_errors(document)) == []


@pytest.mark.parametrize(
    "part",
    [
        "passes: [fp16, {fp16: }, {fp16: {keep: all}}, {level-prune: {level: 1}}]",
        "target: [tx2, rk3399]",
        "data: , budget: , passes: , allow: ",
        "evaluate: {anchors: [[1, 2]]}",
        "evaluate: {metric: pckh, head: [8, 9]}",
        "evaluate: {metric: ap, decode: ssd, outputs: {boxes: b, scores: s}, background: 0}",
        "data: {train: {images: a}, augment: {flip: true, flip_pairs: [[1, 2]]}}",
        "data: {train: {coco: a.json, images: b, yolo: null, limit: 3}}",
        "data: {train: {yolo: a, images: b, names: [cat], unlabelled: background}}",
        "data: {train: {classes: a, names: [cat]}}",
        "data: {train: {npz: a.npz}}",
        "data: {train: {python: 'a.py:f', args: {n: 1}}}",
    ],
)
def test_shorthands_fit(part: str) -> None:
    assert faults(SMALL.replace("target: tx2, ", "") % part) == []


@pytest.mark.parametrize(
    "part",
    [
        "passes: [fp61]",
        "passes: [level-prune]",
        "passes: [{fp16: {keep: some}}]",
        "passes: [{fp16: {}, finetune: {}}]",
        "buget: {}",
        "seed: yes",
        "allow: [{code: T014}]",
        "budget: {latency_ms: 0}",
        "data: {train: {}}",
        "data: {train: {coco: a.json}}",
        "data: {train: {coco: a.json, yolo: b, images: c}}",
        "data: {train: {npz: a.npz, images: c}}",
        "data: {train: {classes: a, args: {n: 1}}}",
        "data: {train: {classes: a, limit: 0}}",
        "data: {train: {imags: a}}",
        "data: {augment: {flipp: true}}",
        "evaluate: {metric: map}",
    ],
)
def test_faults_do_not_fit(part: str) -> None:
    assert faults(SMALL % part) != []


def test_keys_carry_what_they_mean() -> None:
    schema = recipe_schema(PASSES)
    assert schema["properties"]["seed"]["description"] == "The seed of everything random."
    forms = schema["properties"]["passes"]["anyOf"][0]["items"]["oneOf"]
    assert "Prune filters." in [form.get("description") for form in forms]
