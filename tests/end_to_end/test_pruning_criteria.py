"""Every pruning criterion through a whole build, and what happens when one lacks what it needs."""

import json
from pathlib import Path
from typing import Any

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


def test_the_paper_takes_the_image_with_most_boxes_and_crowds_do_not_count(quickstart: Path) -> None:
    options = ("passes.0.level-prune.criterion=cluster", "passes.0.level-prune.cluster={preset: paper}")
    sets = [word for option in options for word in ("--set", option)]
    labels = json.loads((quickstart / "val.json").read_text())
    for crowded in (set[int](), {_richest(labels)["id"]}):
        for box in labels["annotations"]:
            box["iscrowd"] = int(box["image_id"] in crowded)
        (quickstart / "val.json").write_text(json.dumps(labels))
        seen = build(quickstart, *sets)[1]["passes"][0]["decision"]["images"]
        wanted = _richest(labels)
        assert seen == [{"name": wanted["file_name"], "index": wanted["index"], "boxes": wanted["boxes"]}]


def _richest(labels: Any) -> dict[str, Any]:
    """Find the image with most boxes, then with the largest area of them, then the first."""
    rows: list[dict[str, Any]] = []
    for index, image in enumerate(sorted(labels["images"], key=lambda image: image["file_name"])):
        own = [box for box in labels["annotations"] if box["image_id"] == image["id"] and not box["iscrowd"]]
        area = sum(box["bbox"][2] * box["bbox"][3] for box in own)
        rows.append(image | {"index": index, "boxes": len(own), "key": (-len(own), -area, index)})
    return min(rows, key=lambda row: row["key"])


def test_the_papers_preset_looks_at_one_image_and_is_repeatable(quickstart: Path) -> None:
    options = ("passes.0.level-prune.criterion=cluster", "passes.0.level-prune.cluster={preset: paper}")
    sets = [word for option in options for word in ("--set", option)]
    first, second = (build(quickstart, *sets)[1]["passes"][0] for _ in range(2))
    assert first["decision"] == second["decision"]
    assert [picture["title"] for picture in first["pictures"]] == ["stem"]
    assert first["pictures"] == second["pictures"]


def test_the_report_draws_the_layers_that_the_recipe_names(quickstart: Path) -> None:
    def pictures(choice: str) -> list[str]:
        options = (
            "passes.0.level-prune.criterion=cluster",
            f"passes.0.level-prune.cluster={{images: 2, pictures: {choice}}}",
        )
        _, report = build(quickstart, *(word for option in options for word in ("--set", option)))
        return [picture["title"] for picture in report["passes"][0]["pictures"]]

    assert pictures("[]") == []
    assert pictures("[stage2_*]") == ["stage2_conv1", "stage2_conv2"]
    assert "report.html#pass-1-picture-2" in (quickstart / "build/quickstart/host/report.md").read_text()


@pytest.mark.parametrize("removed", ["absorb", "merge"])
def test_what_is_not_dropped_keeps_the_outputs_nearer_to_the_source(quickstart: Path, removed: str) -> None:
    options = ("passes.0.level-prune.criterion=cluster", "passes.0.level-prune.removed=")
    found: list[float] = []
    for choice in ("drop", removed):
        sets = ("--set", options[0], "--set", f"{options[1]}{choice}")
        report = build(quickstart, *sets)[1]
        assert report["result"]["accuracy"]["ap50"] > 0.95
        found.append(report["passes"][0]["fidelity"]["sqnr_db"])
    assert found[1] > found[0] + 1
