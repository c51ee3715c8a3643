"""Every pruning criterion through a whole build, and what happens when one lacks what it needs."""

from pathlib import Path

import pytest

from tests.end_to_end.test_build_options import build, edit
from tests.support.commands import compress


@pytest.mark.parametrize("criterion", ["l2", "batchnorm-scale", "geometric-median", "cluster"])
def test_a_sensible_criterion_keeps_the_detector_alive(quickstart: Path, criterion: str) -> None:
    _, report = build(quickstart, "--set", f"passes.0.level-prune.criterion={criterion}")
    assert report["result"]["parameters"] == 123_900
    assert report["result"]["accuracy"]["ap50"] > 0.9


def test_cluster_without_labels_says_what_it_needs(quickstart: Path) -> None:
    edit(quickstart, "coco: val.json", "limit: 40")
    said = compress(
        "build",
        "recipe.yaml",
        "--set",
        "passes.0.level-prune.criterion=cluster",
        "--set",
        "evaluate=null",
        cwd=quickstart,
    )
    assert said.status == 1
    assert "error[P021] recipe.yaml:35" in said.err
    assert "regions: whole" in said.err


def test_cluster_works_without_labels_when_asked_to(quickstart: Path) -> None:
    edit(quickstart, "coco: val.json", "limit: 40")
    options = (
        "passes.0.level-prune.criterion=cluster",
        "passes.0.level-prune.cluster={regions: whole}",
        "evaluate=null",
    )
    _, report = build(quickstart, *(word for option in options for word in ("--set", option)))
    assert report["result"]["parameters"] == 123_900


def test_the_papers_preset_looks_at_one_image_and_is_repeatable(quickstart: Path) -> None:
    options = ("passes.0.level-prune.criterion=cluster", "passes.0.level-prune.cluster={preset: paper}")
    sets = [word for option in options for word in ("--set", option)]
    decisions = [build(quickstart, *sets)[1]["passes"][0]["decision"] for _ in range(2)]
    assert decisions[0] == decisions[1]
