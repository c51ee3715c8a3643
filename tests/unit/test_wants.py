"""What a recipe's data lacks for its steps is said from the recipe alone, before any work."""

from pathlib import Path

import pytest

from compiler.plan import make_plan
from compiler.recipe import load_recipe
from compiler.wants import unmet_wants

NOTHING, IMAGES = "{}", "{calibration: {images: calib}}"
CALIBRATION_BOXES = "{calibration: {images: calib, coco: calib.json}}"
VALIDATION_BOXES = "{calibration: {images: calib}, validation: {images: val, yolo: labels}}"
ARRAYS = "{validation: {npz: digits.npz}}"
CLUSTER = "level-prune: {level: 0.5, criterion: cluster}"
WHOLE = "level-prune: {level: 0.5, criterion: cluster, cluster: {regions: whole}}"
ABSORB = "level-prune: {level: 0.5, removed: absorb}"


@pytest.mark.parametrize(
    ("todo", "data", "codes"),
    [
        ("ptq", NOTHING, ["P080"]),
        ("ptq", ARRAYS, ["P080"]),
        ("ptq", IMAGES, []),
        (CLUSTER, IMAGES, ["P021"]),
        (CLUSTER, ARRAYS, ["P021"]),
        (CLUSTER, CALIBRATION_BOXES, []),
        (CLUSTER, VALIDATION_BOXES, []),
        (WHOLE, IMAGES, []),
        (WHOLE, NOTHING, ["P021"]),
        (ABSORB, ARRAYS, []),
        (ABSORB, NOTHING, ["P026"]),
        ("level-prune: {level: 0.5}", NOTHING, []),
        ("conv-factorize: {fit: outputs}", NOTHING, ["P061"]),
        ("conv-factorize: {fit: outputs}", IMAGES, []),
        ("conv-factorize", NOTHING, []),
        ("repeat: {rounds: 2, passes: [ptq]}", NOTHING, ["P080"]),
    ],
)
def test_a_step_wants_its_data_from_the_recipe(tmp_path: Path, todo: str, data: str, codes: list[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"version: 1\nproduct: p\nmodel: {{onnx: m.onnx}}\ndata: {data}\ntarget: host\npasses: [{todo}]\n")
    loaded = load_recipe(path)
    found = list(unmet_wants(loaded.recipe, make_plan(loaded, "host")))
    assert [item.code.id for item in found] == codes
    assert all(item.span is not None and item.span.line == 6 for item in found)
