"""Retraining in a build: killed and taken up again, on the lint path, in rounds."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.ir import model_bytes
from tests.support.commands import compress
from tests.support.lessons import small_network

RECIPE = """
version: 1
product: pupil
model: {onnx: model.onnx, learning_rate: 0.1}
data:
  train: {npz: images.npz}
  preprocess: {resize: none}
target: host
passes:
  - level-prune: {level: 0.34, only: [conv1]}
  - finetune: {epochs: 3, batch: 4, ema: 0.9, learning_rate: 0.1x, loss: own.py:loss}
seed: 5
"""
LOSS = '''
"""Pulls a little on the outputs, and ends the build where the file `when` says."""

import os
import signal
from pathlib import Path

CALLS = [0]


def loss(outputs, batch):
    CALLS[0] += 1
    when = Path("when")
    if when.is_file() and int(when.read_text()) == CALLS[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.001 * outputs["y"].square().mean()
'''
STEPS = 3
"""Steps of an epoch: 12 images in batches of 4."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(model_bytes(small_network()))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "own.py").write_text(LOSS)
    images = np.random.default_rng(0).normal(0, 1, (12, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "images.npz", x=images)
    return tmp_path


def build(
    work: Path, *args: str, home: str = "home", launcher: Sequence[str] = ("-m", "compiler")
) -> subprocess.CompletedProcess[str]:
    """Build in a process of its own, with a home of its own for checkpoints."""
    return subprocess.run(
        [sys.executable, *launcher, "build", "recipe.yaml", *args],
        cwd=work,
        env={**os.environ, "HOME": str(work / home), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def model_digest(work: Path) -> str:
    return hashlib.sha256((work / "build/pupil/host/model.onnx").read_bytes()).hexdigest()


def test_a_build_killed_in_the_middle_ends_with_the_weights_of_one_in_one_go(work: Path) -> None:
    said = build(work, home="one go")
    assert said.returncode == 0, said.stderr
    assert "epoch 3 of 3" in said.stderr
    wanted = model_digest(work)
    report = (work / "build/pupil/host/report.json").read_bytes()
    # In the middle of the second epoch, then at the first step of the third, just after the second's checkpoint.
    for calls, done in ((STEPS + 2, 1), (STEPS + 1, 2)):
        (work / "when").write_text(str(calls))
        killed = build(work)
        assert killed.returncode == -signal.SIGKILL
        assert f"epoch {done} of 3" in killed.stderr
        assert f"epoch {done + 1} of 3" not in killed.stderr
    (work / "when").unlink()
    said = build(work)
    assert said.returncode == 0, said.stderr
    assert "going on after epoch 2 of 3" in said.stderr
    assert "epoch 1 of 3" not in said.stderr
    assert model_digest(work) == wanted
    assert _without_timing(report) == _without_timing((work / "build/pupil/host/report.json").read_bytes())


def test_two_processes_go_the_way_of_one_at_the_same_batch(work: Path) -> None:
    text = RECIPE.replace("ema: 0.9", "batchnorm: frozen").replace(", loss: own.py:loss", "")
    (work / "recipe.yaml").write_text(text)
    together = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "compiler"]
    courses: list[Any] = []
    for launcher in (["-m", "compiler"], together):
        said = build(work, "--no-cache", "--out", f"out{len(courses)}", launcher=launcher)
        assert said.returncode == 0, said.stderr
        report = json.loads((work / f"out{len(courses)}/pupil/host/report.json").read_text())
        courses.append(next(step for step in report["passes"] if step["name"] == "finetune")["decision"]["history"])
    alone, shared = ([line["loss"] for line in course[1:]] for course in courses)
    assert alone == pytest.approx(shared, rel=1e-4)
    assert len(set(alone)) == 3


def test_processes_that_would_normalise_apart_are_refused(work: Path) -> None:
    together = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "compiler"]
    said = build(work, "--no-cache", launcher=together)
    assert said.returncode != 0
    assert "P055" in said.stderr
    assert "write `batchnorm: frozen`" in said.stderr
    assert not (work / "build").exists()


def test_no_cache_starts_afresh_and_keeps_nothing(work: Path) -> None:
    for _ in range(2):
        said = build(work, "--no-cache")
        assert "going on" not in said.stderr
        assert "epoch 1 of 3" in said.stderr
    assert not list((work / "home").rglob("*.pt"))


def test_lint_trains_nothing_and_does_not_mind_that_nothing_changed(work: Path) -> None:
    said = compress("lint", "recipe.yaml", cwd=work)
    assert said.status == 0
    assert "after level-prune, finetune" in said.out
    assert "P003" not in said.out


def test_lint_says_what_retraining_lacks_at_its_line(work: Path) -> None:
    (work / "recipe.yaml").write_text(RECIPE.replace("  train: {npz: images.npz}\n", ""))
    said = compress("lint", "recipe.yaml", cwd=work)
    assert said.status == 1
    assert "recipe.yaml:10:5" in said.out + said.err
    assert "P040" in said.out + said.err


def test_rounds_train_each_with_a_seed_of_its_own(work: Path) -> None:
    text = RECIPE[: RECIPE.index("passes:")] + (
        "passes:\n  - repeat:\n      rounds: 2\n      passes:\n"
        "        - level-prune: {level: 0.5, only: [conv1], channel_multiple: 1}\n"
        "        - finetune: {epochs: 2, batch: 4, match: [relu]}\nseed: 5\n"
    )
    (work / "recipe.yaml").write_text(text)
    said = compress("build", "recipe.yaml", "--no-cache", "--format", "json", cwd=work)
    assert said.status == 0, said.out
    steps: list[Any] = [step for step in said.json()["builds"][0]["report"]["passes"] if step["name"] == "finetune"]
    assert [step["round"] for step in steps] == [1, 2]
    assert steps[0]["decision"]["sha256"] != steps[1]["decision"]["sha256"]
    assert [len(step["decision"]["history"]) for step in steps] == [3, 3]


def test_retraining_after_half_precision_is_refused(work: Path) -> None:
    (work / "recipe.yaml").write_text(RECIPE.replace("  - finetune", "  - fp16\n  - finetune"))
    said = compress("lint", "recipe.yaml", cwd=work)
    assert said.status == 1
    assert "P046" in said.out + said.err
    assert "put `finetune` before `fp16`" in said.out + said.err


def _without_timing(report: bytes) -> Any:
    found = json.loads(report)
    return {key: value for key, value in found.items() if key != "timing"}
