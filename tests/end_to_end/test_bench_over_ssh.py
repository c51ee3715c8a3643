"""`compress bench` copies an artifact through ssh, runs it there, and brings the time back beside the prediction."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress
from tests.support.quickstart import plain_recipe
from tests.support.ssh_server import SSHD, serving


def built(folder: Path) -> Path:
    """Build the quickstart for this machine."""
    here = Path(shutil.copytree(RECIPES / "quickstart", folder / "quickstart"))
    recipe = here / "recipe.yaml"
    recipe.write_text(plain_recipe(recipe.read_text("utf-8")), "utf-8")
    assert compress("build", recipe, "--target", "host", "--out", folder / "build").status == 0
    return folder / "build" / "quickstart" / "host"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Path]:
    """Serve ssh on this machine with keys of its own, and write the client's configuration."""
    with serving(tmp_path, f"PATH={Path(sys.executable).parent}:$PATH") as client:
        yield client


@pytest.mark.skipif(SSHD is None, reason="no sshd here; install openssh-server")
def test_an_artifact_is_timed_through_ssh_and_its_report_shows_both_times(tmp_path: Path, board: Path) -> None:
    artifact = built(tmp_path)
    before = json.loads((artifact / "report.json").read_text("utf-8"))
    assert before["result"]["on_board"] is None
    found = compress("bench", artifact, "--ssh", "board", "--ssh-config", board, "--format", "json").json()
    after = json.loads((artifact / "report.json").read_text("utf-8"))
    assert after["result"]["on_board"] == found
    assert found["ms"] > 0
    # The kit says that it computed in FP32; the build foretold FP16, which moves fewer bytes.
    assert found["predicted_ms"] == pytest.approx(before["result"]["predicted_ms"], rel=0.1)
    for page in ("report.md", "report.html"):
        text = (artifact / page).read_text("utf-8")
        assert ("measured on a board" in text, "nothing was timed" in text) == (True, False)
    assert compress("verify", artifact).status == 0
    mine = tmp_path / "mine.yaml"
    assert compress("calibrate", "host", artifact / "measurement.json", "--out", mine).status == 0
    gone = compress("bench", artifact, "--ssh", "board", "--ssh-config", board, "--run-with", "--no-such-option")
    assert (gone.status, "failed on the board" in gone.err) == (1, True)
    away = compress("bench", artifact, "--ssh", "nobody@127.0.0.1", "--ssh-config", board)
    assert (away.status, "ssh could not make a folder there" in away.err) == (1, True)
