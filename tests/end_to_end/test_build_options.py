"""What `compress build` does with its options, its budget and its allowed findings."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.ir import model_bytes, parse_program
from tests.support.commands import Said, compress


def build(folder: Path, *options: str) -> tuple[Said, Any]:
    """Build for the host, where nothing is slow, and read the report."""
    said = compress("build", "recipe.yaml", "--target", "host", *options, cwd=folder)
    path = folder / "build/quickstart/host/report.json"
    return said, json.loads(path.read_text()) if path.exists() else None


def edit(folder: Path, old: str, new: str) -> None:
    """Change the recipe."""
    path = folder / "recipe.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def codes(report: Any) -> list[str]:
    """List the codes of a report's findings."""
    return [finding["code"] for finding in report["findings"]]


def test_a_set_value_wins_over_the_recipe(quickstart: Path) -> None:
    said, report = build(quickstart, "--set", "passes.0.level-prune.level=0.5")
    assert said.status == 0
    assert report["passes"][0]["options"]["level"] == 0.5
    assert len(report["passes"][0]["decision"]["kept"]["stem"]) == 8


def test_a_met_budget_is_stated(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", "seed: 7\nbudget: {accuracy_drop: 0.05, parameters: 200_000, artifact_mb: 1}")
    said, report = build(quickstart)
    assert said.status == 0
    assert {line["name"]: line["met"] for line in report["result"]["budget"]} == {
        "accuracy_drop": True,
        "parameters": True,
        "artifact_mb": True,
    }


def test_a_missed_budget_fails_the_command_and_leaves_the_artifact_to_look_at(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", "seed: 7\nbudget: {parameters: 1000, latency_ms: 100}")
    said, report = build(quickstart)
    assert said.status == 1
    assert "error[P008] recipe.yaml:43:22: parameters is 123,900, more than the budget of 1,000" in said.err
    assert [line["met"] for line in report["result"]["budget"]] == [True, False]
    assert codes(report)[-1] == "P008"
    assert compress("verify", quickstart / "build/quickstart/host").status == 0
    assert "missed" in (quickstart / "build/quickstart/host/report.md").read_text()


def test_a_met_budget_ends_the_list_when_the_recipe_says_so(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", "seed: 7\nbudget: {accuracy: 0.9, parameters: 200_000, stop_when_met: true}")
    said, report = build(quickstart)
    assert said.status == 0
    assert [step["name"] for step in report["passes"] if step["effect"] == "lossy"] == ["level-prune"]
    assert report["result"]["left_out"] == ["fp16"]
    assert "note[P031]" in said.err


def test_a_missed_limit_names_the_passes_that_moved_the_figure(quickstart: Path) -> None:
    edit(quickstart, "level: 0.25", "level: 0.8")
    edit(quickstart, "seed: 7", "seed: 7\nbudget: {accuracy: 0.9}")
    said, report = build(quickstart)
    assert said.status == 1
    (line,) = report["result"]["budget"]
    assert line["shares"][0]["name"] == "level-prune"
    assert sum(share["change"] for share in line["shares"]) + report["source"]["accuracy"]["ap50"] == pytest.approx(
        report["result"]["accuracy"]["ap50"], abs=1e-5
    )
    assert "less than the budget of 0.9 (level-prune -0." in said.err


def test_a_limit_that_nothing_measures_is_a_warning(quickstart: Path) -> None:
    edit(quickstart, "  validation:", "  train:")
    edit(quickstart, "seed: 7", "seed: 7\nbudget: {accuracy_drop: 0.05}")
    said, report = build(quickstart)
    assert said.status == 0
    assert "P020" in codes(report)
    assert "P011" in codes(report)
    assert "accuracy" not in report["result"]


def test_an_allowed_finding_is_gone(quickstart: Path) -> None:
    edit(quickstart, "level: 0.25", "level: 0")
    assert "P003" in codes(build(quickstart)[1])
    edit(quickstart, "seed: 7", 'seed: 7\nallow: [{code: changed-nothing, because: "a trial"}]')
    edit(quickstart, "target: tx2", "target: host")
    assert not {"P003", "P009"} & set(codes(build(quickstart)[1]))


def test_an_allowed_finding_that_does_not_occur_is_a_warning(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", 'seed: 7\nallow: [{code: T012, because: "measured"}]')
    edit(quickstart, "target: tx2", "target: host")
    said, report = build(quickstart)
    assert said.status == 0
    assert "warning[P009] recipe.yaml:43:16: allow: T012 did not occur" in said.err
    assert "P009" in codes(report)


def test_what_is_allowed_for_another_target_is_not_missed_here(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", 'seed: 7\nallow: [{code: T021, because: "measured on the board"}]')
    assert "P009" not in codes(build(quickstart)[1])
    said = compress("lint", "recipe.yaml", cwd=quickstart)
    assert "T021" not in said.out
    assert "P009" not in said.out


def test_what_only_a_build_finds_is_not_missed_by_lint(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", 'seed: 7\nallow: [{code: P014, because: "known"}, {code: P011, because: "known"}]')
    assert "P009" not in compress("lint", "recipe.yaml", cwd=quickstart).out
    assert "P014" not in compress("build", "recipe.yaml", cwd=quickstart).err


def test_each_pass_that_changed_something_is_written_down_on_request(quickstart: Path) -> None:
    stale = quickstart / "build/quickstart/host-ir/99-gone.onnx.txt"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert build(quickstart, "--dump-ir")[0].status == 0
    assert not stale.exists()
    files = sorted((quickstart / "build/quickstart/host-ir").iterdir())
    steps = [path.name.partition("-")[2].removesuffix(".onnx.txt") for path in files]
    assert steps == ["level-prune", "fold-batchnorm", "fp16"]
    assert "Conv" in files[0].read_text()


def test_several_targets_are_built_by_one_command_and_told_apart(quickstart: Path) -> None:
    said = compress("build", "recipe.yaml", "--target", "tx2", "--target", "host", "--format", "json", cwd=quickstart)
    assert said.status == 0
    documents = said.json()["builds"]
    assert [item["report"]["target"] for item in documents] == ["tx2", "host"]
    assert [item["folder"] for item in documents] == ["build/quickstart/tx2", "build/quickstart/host"]


def test_a_target_without_an_emitter_can_be_linted(quickstart: Path) -> None:
    site, targets = quickstart / "site", Path(__file__).parents[2] / "targets"
    for folder, name in (("profiles", "host"), ("operators", "onnxruntime")):
        text = (targets / folder / f"{name}.yaml").read_text().replace("name: host", "name: paper")
        (site / "paper_board" / folder).mkdir(parents=True)
        new = name.replace("host", "paper").replace("onnxruntime", "paper")
        text = text.replace("runtime: onnxruntime", "runtime: paper")
        (site / "paper_board" / folder / f"{new}.yaml").write_text(text)
    (site / "paper_board" / "__init__.py").touch()
    (site / "paper-1.0.dist-info").mkdir()
    (site / "paper-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: paper\nVersion: 1.0\n")
    (site / "paper-1.0.dist-info" / "entry_points.txt").write_text("[compress.targets]\npaper = paper_board\n")

    def status(command: str) -> tuple[int, str]:
        line = [sys.executable, "-m", "compiler", command, "recipe.yaml", "--target", "paper"]
        words = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), *sys.path))}
        done = subprocess.run(line, cwd=quickstart, env=words, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    build_status, said = status("build")
    assert (build_status, status("lint")[0]) == (1, 0)
    assert "still to come" in said
    assert not (quickstart / "build").exists()


def test_the_summary_lines_up(quickstart: Path) -> None:
    said, _ = build(quickstart)
    rows = [line for line in said.out.splitlines() if " -> " in line]
    assert len(rows) >= 4
    assert len({line.index(" -> ") for line in rows}) == 1


def test_a_network_whose_outputs_are_rounding_gets_a_warning_about_its_self_test(tmp_path: Path) -> None:
    cancelling = """
    g (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[4,3,1,1] w, float[4,3,1,1] v>
    { [one] a = Conv (x, w) [two] b = Conv (x, v) [gap] c = Sub (a, b) [pass] y = Identity (c) }
    """
    network = parse_program(cancelling)
    weight = np.linspace(1, 2, 12, dtype=np.float32).reshape(4, 3, 1, 1)
    network.replace_constant("w", weight)
    network.replace_constant("v", np.nextafter(weight, np.float32(3)))
    (tmp_path / "net.onnx").write_bytes(model_bytes(network))
    recipe = "version: 1\nproduct: p\nmodel: {onnx: net.onnx}\ntarget: host\npasses: [remove-identity]\n"
    (tmp_path / "recipe.yaml").write_text(recipe, "utf-8")
    said = compress("build", "recipe.yaml", cwd=tmp_path)
    assert said.status == 0, said.err
    report = json.loads((tmp_path / "build/p/host/report.json").read_text("utf-8"))
    assert "P017" in codes(report)
