"""The quickstart recipe, built for both targets: its report, its artifact, its kits."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.commands import compress

COSTS = {"parameters": int, "macs": int, "executed_macs": int, "bytes": int, "predicted_ms": float}
KEYS: dict[str, Any] = {
    "schema_version": int,
    "product": str,
    "target": str,
    "tool": {"version": str, "libraries": dict},
    "digests": {"recipe": str, "model": str, "data": str, "artifact": str},
    "source": {**COSTS, "accuracy": {"ap50": float}},
    "passes": list,
    "result": {**COSTS, "accuracy": {"ap50": float}, "budget": list},
    "findings": list,
    "artifact": {"runtime": str, "files": dict},
    "timing": dict,
}
PASS_KEYS: dict[str, Any] = {
    "name": str,
    "options": dict,
    "changed": list,
    "skipped": list,
    "findings": list,
    "before": COSTS,
    "after": COSTS,
}
FINDING_KEYS: dict[str, Any] = {"code": str, "severity": str, "message": str, "where": dict}
KITS = {"tx2": ("build_engine.sh", "bench.sh", "infer.py"), "host": ("infer.py",)}


@pytest.fixture(params=["tx2", "host"])
def artifact(built: Path, request: pytest.FixtureRequest) -> Path:
    return built / request.param


@pytest.fixture
def report(artifact: Path) -> Any:
    return json.loads((artifact / "report.json").read_text())


def test_the_report_has_every_promised_key(report: Any) -> None:
    _check(report, KEYS)
    for step in report["passes"]:
        _check(step, PASS_KEYS)
        assert "decision" in step
        assert set(step["fidelity"]) == {"sqnr_db", "max_abs_error", "cosine", "agreement"}
    for finding in report["findings"]:
        _check(finding, FINDING_KEYS)
        assert set(finding["where"]) == {"file", "line", "column", "layer"}
        assert "help" in finding


def test_the_network_shrinks_and_stays_accurate(report: Any) -> None:
    before, after = report["source"], report["result"]
    assert before["accuracy"]["ap50"] >= 0.95
    assert after["accuracy"]["ap50"] >= 0.9
    assert after["parameters"] < 0.6 * before["parameters"]
    assert after["macs"] < 0.6 * before["macs"]


def test_the_report_says_which_filters_were_kept(report: Any) -> None:
    step = next(step for step in report["passes"] if step["name"] == "level-prune")
    kept = step["decision"]["kept"]
    assert kept["stem"] == sorted(set(kept["stem"]))
    assert len(kept["stem"]) == 12
    assert {skip["layer"] for skip in step["skipped"]} == {"p8", "p16"}


def test_the_steps_join_up(report: Any) -> None:
    steps = report["passes"]
    figures = [report["source"], *(step["after"] for step in steps)]
    assert [step["before"] for step in steps] == [{key: item[key] for key in COSTS} for item in figures[:-1]]
    assert {key: report["result"][key] for key in COSTS} == figures[-1]


def test_the_artifact_holds_what_the_report_lists(artifact: Path, report: Any) -> None:
    present = {path.relative_to(artifact).as_posix() for path in artifact.rglob("*") if path.is_file()}
    own = {"manifest.json", "report.json", "report.html", "report.md"}
    assert set(report["artifact"]["files"]) == present - own
    assert present >= {"model.onnx", "recipe.yaml", "expected/input_0.npy", "expected/output_0.npy", *own}
    assert present >= set(KITS[artifact.name])


def test_the_artifact_verifies_wherever_it_is(artifact: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(artifact, tmp_path / "another place" / "копия"))
    for folder in (artifact, moved):
        said = compress("verify", folder, "--format", "json")
        assert (said.status, said.json()["findings"]) == (0, [])


def test_the_host_kit_runs_and_passes(built: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(built / "host", tmp_path / "kit"))
    said = subprocess.run([sys.executable, moved / "infer.py"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    document = json.loads(said.stdout)
    assert (document["verdict"], document["product"], document["target"]) == ("PASS", "quickstart", "host")


def test_the_host_kit_fails_with_other_weights(built: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(built / "host", tmp_path / "kit"))
    shutil.copy(built / "tx2/expected/input_0.npy", moved / "expected/output_0.npy")
    said = subprocess.run([sys.executable, moved / "infer.py"], capture_output=True, text=True, check=False)
    assert said.returncode != 0


def test_the_boards_scripts_suit_the_boards_shell_and_python(built: Path) -> None:
    scripts = sorted((built / "tx2").glob("*.sh"))
    assert len(scripts) >= 2
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    said = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    ast.parse((built / "tx2/infer.py").read_text("ascii"), feature_version=(3, 6))


def test_half_precision_halves_the_hosts_file_and_is_asked_of_the_boards_builder(built: Path) -> None:
    sizes = {name: (built / name / "model.onnx").stat().st_size for name in ("tx2", "host")}
    assert 0.45 < sizes["host"] / sizes["tx2"] < 0.55
    assert json.loads((built / "tx2/manifest.json").read_text())["precision"] == "fp16"


def test_the_pages_show_the_headline_figures(artifact: Path, report: Any) -> None:
    page, text = (artifact / "report.html").read_text(), (artifact / "report.md").read_text()
    for figure in (f"{report['source']['parameters']:,}", f"{report['result']['parameters']:,}", "level-prune"):
        assert figure in page
        assert figure in text


def _check(found: Any, keys: Mapping[str, Any]) -> None:
    """Check that every key is there and of its kind."""
    for key, kind in keys.items():
        if isinstance(kind, Mapping):
            _check(found[key], cast(Mapping[str, Any], kind))
        elif kind is float:
            assert isinstance(found[key], int | float), key
        else:
            assert isinstance(found[key], kind), key
