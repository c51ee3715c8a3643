"""`compress lint`: the checked-in recipes, bare models, folders, and its four formats."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress

DETECTOR = RECIPES / "quickstart" / "detector.onnx"


def test_the_checked_in_recipes_lint_clean_even_when_strict() -> None:
    said = compress("lint", RECIPES, "--strict")
    assert said.status == 0, said.out
    checked = [line.split()[1] for line in said.out.splitlines() if line.startswith("checked ")]
    assert checked == sorted(str(path) for path in RECIPES.glob("*/*.yaml"))


def test_a_bare_model_is_checked_for_the_targets_that_are_named() -> None:
    alone = compress("lint", DETECTOR)
    assert alone.status == 0
    assert "no target given" in alone.out
    both = compress("lint", DETECTOR, "--target", "tx2", "--target", "rk3399", "--format", "json")
    assert both.status == 0, both.out
    assert [item["target"] for item in both.json()["checked"]] == ["tx2", "rk3399"]


def test_a_target_of_the_command_line_replaces_the_recipes() -> None:
    said = compress("lint", RECIPES / "quickstart/recipe.yaml", "--target", "rk3399", "--target", "host")
    assert said.status == 0, said.out
    assert "for tx2" not in said.out
    assert "for rk3399" in said.out
    assert "for host" in said.out


def test_a_set_value_is_linted(quickstart: Path) -> None:
    said = compress("lint", quickstart / "recipe.yaml", "--set", "passes.0.level-prune.skip=[nowhere]")
    assert said.status == 1
    assert "error[P001]" in said.out


def test_the_formats_say_the_same(tmp_path: Path) -> None:
    """A recipe with one warning, seen through each format."""
    shutil.copy(DETECTOR, tmp_path)
    recipe = (
        "version: 1\nproduct: one\nmodel: {onnx: detector.onnx}\ntarget: host\npasses: [{level-prune: {level: 0}}]\n"
    )
    (tmp_path / "recipe.yaml").write_text(recipe)
    found = {
        form: compress("lint", "recipe.yaml", "--format", form, cwd=tmp_path) for form in ("json", "sarif", "github")
    }
    assert {said.status for said in found.values()} == {0}
    finding = found["json"].json()["findings"][0]
    assert (finding["code"], finding["where"]["line"]) == ("P003", 5)
    assert found["json"].json()["checked"] == [
        {"file": "recipe.yaml", "target": "host", "after": ["level-prune"], "nodes": 30}
    ]
    result = found["sarif"].json()["runs"][0]["results"][0]
    assert result["ruleId"] == "P003"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "recipe.yaml"
    assert found["github"].out.startswith("::warning file=recipe.yaml,line=5,")
    assert compress("lint", "recipe.yaml", "--strict", cwd=tmp_path).status == 1


def test_a_pass_that_changes_nothing_says_why(tmp_path: Path) -> None:
    options = "conv-factorize: {groups: 7, ratio: 0.5}"
    (tmp_path / "recipe.yaml").write_text(
        f"version: 1\nproduct: p\nmodel: {{onnx: {DETECTOR}}}\ntarget: host\npasses: [{options}]\n"
    )
    said = compress("lint", "recipe.yaml", cwd=tmp_path).out
    assert "conv-factorize changed nothing; it left 7 layers alone because its 64 input channels do not divide" in said


def test_an_error_in_one_recipe_does_not_hide_those_of_another(tmp_path: Path) -> None:
    for name, product in (("a", "'-a'"), ("b", "'-b'")):
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\nproduct: {product}\nmodel: {{onnx: no.onnx}}\n")
    said = compress("lint", ".", "nowhere", "--format", "json", cwd=tmp_path)
    assert said.status == 2
    files = [Path(finding["where"]["file"]).name for finding in said.json()["findings"]]
    assert files == ["a.yaml", "b.yaml", "nowhere"]
    # Anew, where nothing forbids to lint them side by side.
    command = [sys.executable, "-m", "compiler", "lint", ".", "nowhere", "--format", "json"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (2, said.out, "")


def test_a_folder_is_searched_for_recipes_of_ones_own(quickstart: Path) -> None:
    """Artifacts hold copies of recipes, hidden folders other people's files, and a base is no recipe by itself."""
    assert compress("build", "recipe.yaml", "--target", "host", cwd=quickstart).status == 0
    (quickstart / ".venv").mkdir()
    (quickstart / ".venv/recipe.yaml").write_text("product: 1\n")
    (quickstart / "workflow.yml").write_text("version: 2\njobs: []\n")
    (quickstart / "folder.yaml").mkdir()
    (quickstart / "base.yaml").write_text("version: 1\nmodel: {onnx: detector.onnx}\ntarget: host\n")
    (quickstart / "second.yaml").write_text("extends: base.yaml\nproduct: second\n")
    said = compress("lint", ".", "--format", "json", cwd=quickstart)
    assert said.status == 0, said.out
    assert [item["file"] for item in said.json()["checked"]] == ["recipe.yaml", "second.yaml"]


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_what_cannot_be_read_is_one_document_too(tmp_path: Path, form: str) -> None:
    said = compress("lint", "nowhere.yaml", "--format", form, cwd=tmp_path)
    assert said.status == 2
    assert json.loads(said.out)


@pytest.mark.parametrize(("line", "column"), [("target: tx3", 9), ("target: [host, tx3]", 16)])
def test_an_unknown_target_is_shown_at_its_line(tmp_path: Path, line: str, column: int) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"version: 1\nproduct: p\nmodel: {{onnx: {DETECTOR}}}\n{line}\n", "utf-8")
    (finding,) = compress("lint", recipe, "--format", "json").json()["findings"]
    assert (finding["code"], finding["where"]["line"], finding["where"]["column"]) == ("R007", 4, column)
