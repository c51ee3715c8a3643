"""The quickstart as it is checked in: half of the filters go, and unlabelled pictures bring the detector back."""

import json
from pathlib import Path

from tests.support.commands import RECIPES, compress


def test_unlabelled_pictures_bring_the_pruned_detector_back(tmp_path: Path) -> None:
    """Three epochs of the recipe's twelve are enough to see it."""
    recipe = RECIPES / "quickstart/recipe.yaml"
    said = compress(
        "build", recipe, "--target", "host", "--out", tmp_path, "--no-cache", "--set", "passes.1.finetune.epochs=3"
    )
    assert said.status == 0, said.err
    report = json.loads((tmp_path / "quickstart/host/report.json").read_text())
    prune, retrain, _ = (step for step in report["passes"] if step["name"] in {"level-prune", "finetune", "fp16"})
    assert report["source"]["accuracy"]["ap50"] > 0.95
    assert prune["accuracy"]["ap50"] < 0.1
    assert retrain["accuracy"]["ap50"] > 0.7
    assert retrain["decision"]["loss"] is None
    assert [line["epoch"] for line in retrain["decision"]["history"]] == [0, 1, 2, 3]
    assert report["result"]["parameters"] < 0.26 * report["source"]["parameters"]
