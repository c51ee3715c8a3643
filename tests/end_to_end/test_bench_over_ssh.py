"""`compress bench` copies an artifact through ssh, runs it there, and brings the time back beside the prediction."""

import getpass
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress
from tests.support.quickstart import plain_recipe

_SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def built(folder: Path) -> Path:
    """Build the quickstart for this machine."""
    here = Path(shutil.copytree(RECIPES / "quickstart", folder / "quickstart"))
    recipe = here / "recipe.yaml"
    recipe.write_text(plain_recipe(recipe.read_text("utf-8")), "utf-8")
    assert compress("build", recipe, "--target", "host", "--out", folder / "build").status == 0
    return folder / "build" / "quickstart" / "host"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Path]:
    """Serve ssh on this machine with keys of its own, and write the client's configuration."""
    assert _SSHD is not None
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    port, server, client = free_port(), tmp_path / "sshd_config", tmp_path / "ssh_config"
    server.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        f'ForceCommand PATH={Path(sys.executable).parent}:$PATH sh -c "$SSH_ORIGINAL_COMMAND"\n',
        "utf-8",
    )
    client.write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {tmp_path}/user\n"
        f"  StrictHostKeyChecking no\n  UserKnownHostsFile {tmp_path}/known\n"
        "  ConnectionAttempts 20\n  LogLevel ERROR\n",
        "utf-8",
    )
    daemon = subprocess.Popen([_SSHD, "-D", "-e", "-f", str(server)], stderr=subprocess.DEVNULL)
    yield client
    daemon.terminate()
    daemon.wait()


@pytest.mark.skipif(_SSHD is None, reason="no sshd here; install openssh-server")
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
