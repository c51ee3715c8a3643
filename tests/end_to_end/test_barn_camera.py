"""The barn camera's own weights: they are those that its README names, and the built network finds what is there."""

import hashlib
import json
from pathlib import Path

from tests.support.commands import compress

RECIPE = Path(__file__).parents[2] / "recipes" / "barn-camera" / "recipe.yaml"


def test_the_readme_names_the_weights_that_are_there() -> None:
    weights = RECIPE.with_name("detector.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in RECIPE.with_name("README.md").read_text("utf-8")
    assert len(weights) < 15_000_000


def test_the_trained_detector_finds_shoes_and_still_does_with_a_few_filters_less(tmp_path: Path) -> None:
    mine = tmp_path / "recipe.yaml"
    mine.write_text(
        f"extends: {RECIPE}\nversion: 1\nproduct: barn\n"
        "data: {validation: {limit: 6}}\n"
        "passes: [{level-prune: {level: 0.05, criterion: l1, channel_multiple: 1}}, fp16]\n"
    )
    done = compress("build", str(mine), "--out", str(tmp_path / "out"))
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "out" / "barn" / "tx2" / "report.json").read_text("utf-8"))
    assert report["source"]["accuracy"]["ap50"] > 0.9
    assert report["source"]["parameters"] == 6_006_646
    assert report["result"]["accuracy"]["ap50"] > 0.5
