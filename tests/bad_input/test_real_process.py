"""A few refusals through the installed command in a process of its own, where native code prints too."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bad_input.faulty_models import GRAPHS
from tests.bad_input.networks import cut, save, sound
from tests.bad_input.refusals import recipe_for
from tests.support.commands import files_under

COMPRESS = (sys.executable, "-c", "from compiler.cli import main; main()")


def run(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a person would, from the folder."""
    return subprocess.run(
        [*COMPRESS, *args], cwd=folder, capture_output=True, check=False, env={**os.environ, **environment}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path, sound())
    recipe_for(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["a cycle", "an input of another depth", "a Range without an end"])
def test_a_faulty_graph_is_refused_without_native_noise(folder: Path, name: str) -> None:
    fault, code = GRAPHS[name]
    save(folder, cut(sound(), fault))
    before = files_under(folder)
    said = run(folder, "build", "recipe.yaml")
    assert said.returncode == 2
    assert said.stdout == b""
    assert said.stderr.startswith(f"error[{code}]".encode())
    assert files_under(folder) == before


def test_a_pickle_is_never_unpickled(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(pickle.dumps({"w": 1}))
    said = run(folder, "lint", "model.onnx", "--format", "json")
    assert said.returncode == 1
    assert b'"M002"' in said.stdout
    assert said.stderr == b""


def test_a_reader_that_leaves_early_is_no_fault(folder: Path) -> None:
    process = subprocess.Popen([*COMPRESS, "targets", "tx2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_a_terminal_without_unicode_still_gets_its_figures(folder: Path) -> None:
    said = run(folder, "build", "recipe.yaml", PYTHONIOENCODING="ascii")
    assert said.returncode == 0, said.stderr
    assert b"bad for tx2" in said.stdout


def test_a_bug_says_where_the_traceback_is_and_shows_none() -> None:
    code = "from compiler.commands.guard import guarded; guarded(lambda: 1 / 0)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "fault of compress itself: ZeroDivisionError" in said.stderr
    assert "Traceback" not in said.stderr
    kept = Path(said.stderr.partition("the file ")[2].partition(" and the input")[0])
    assert "ZeroDivisionError" in kept.read_text()
    kept.unlink()
