"""A build that ends in the middle: the earlier artifact stands whole, and nothing half-done is left for long."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bad_input.networks import save, sound
from tests.bad_input.refusals import recipe_for
from tests.support.commands import compress, files_under

ROOT = Path(__file__).parents[2]
PROFILE = (ROOT / "targets/profiles/host.yaml").read_text()
TABLE = (ROOT / "targets/operators/onnxruntime.yaml").read_text()
EMITTER = '''
import os
import signal
from pathlib import Path

from compiler.contracts import Emitter
from targets.emitters.onnxruntime import OnnxruntimeEmitter


class FragileEmitter(Emitter):
    """Writes a kit, or ends in the middle of it, as the file `how` says."""

    runtimes = ("fragile",)

    def emit(self, emission, folder):
        """Write."""
        how = Path("how").read_text()
        if how == "well":
            return OnnxruntimeEmitter().emit(emission, folder)
        (folder / "model.onnx").write_bytes(b"half a mod")
        if how == "a full disk":
            raise OSError(28, "No space left on device")
        os.kill(os.getpid(), signal.Signals[how])
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Install a target whose emitter can be told to fail, and build for it once."""
    site, work = tmp_path / "site", tmp_path / "work"
    files = {
        "fragile-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fragile\nVersion: 1.0\n",
        "fragile-1.0.dist-info/entry_points.txt": "[compress.targets]\nfragile = fragile_board\n",
        "fragile_board/__init__.py": "",
        "fragile_board/profiles/fragile.yaml": PROFILE.replace("name: host", "name: fragile").replace(
            "runtime: onnxruntime", "runtime: fragile"
        ),
        "fragile_board/operators/fragile.yaml": TABLE.replace("runtime: onnxruntime", "runtime: fragile"),
        "fragile_board/emitters/__init__.py": "",
        "fragile_board/emitters/fragile/__init__.py": "",
        "fragile_board/emitters/fragile/emitter.py": EMITTER,
    }
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    work.mkdir()
    save(work, sound())
    recipe_for(work)
    assert build(work, "well").returncode == 0
    return work


_RUN = "from compiler.cli import main; main()"
_AS_ON_A_TERMINAL = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""A shell that starts the tests in the background has them ignore Ctrl-C, and their children with them."""


def build(work: Path, how: str) -> subprocess.CompletedProcess[str]:
    """Build for the fragile target in a process of its own."""
    (work / "how").write_text(how)
    return subprocess.run(
        [sys.executable, "-c", f"{_AS_ON_A_TERMINAL}{_RUN}", "build", "recipe.yaml", "--target", "fragile"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(work.parent / "site")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT"])
def test_a_build_ended_by_a_signal_leaves_the_earlier_artifact_whole(folder: Path, name: str) -> None:
    artifact = folder / "build/bad/fragile"
    before = files_under(artifact)
    said = build(folder, name)
    assert said.returncode == (130 if name == "SIGINT" else -signal.Signals[name])
    assert "Traceback" not in said.stderr
    assert files_under(artifact) == before
    assert compress("verify", artifact).status == 0
    if name == "SIGINT":
        assert "interrupted; nothing was left half-written" in said.stderr
        assert [path.name for path in artifact.parent.iterdir()] == ["fragile"]
    assert build(folder, "well").returncode == 0
    assert [path.name for path in artifact.parent.iterdir()] == ["fragile"]


def test_a_full_disk_is_told_and_leaves_the_earlier_artifact_whole(folder: Path) -> None:
    artifact = folder / "build/bad/fragile"
    before = files_under(artifact)
    said = build(folder, "a full disk")
    assert said.returncode == 1
    assert "error[E012]" in said.stderr
    assert "no space left on device" in said.stderr.lower()
    assert files_under(artifact) == before
    assert [path.name for path in artifact.parent.iterdir()] == ["fragile"]
