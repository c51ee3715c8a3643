"""Misuse of the other commands: artifacts that were tampered with, words that nothing knows, files in the way."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.bad_input.networks import save, sound
from tests.bad_input.refusals import FOUND, UNREADABLE, check_manners, recipe_for, refused, refused_as_json
from tests.support.commands import compress


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    save(folder, sound())
    recipe_for(folder)
    assert compress("build", "recipe.yaml", "--target", "host", cwd=folder).status == 0
    return folder / "build" / "bad" / "host"


@pytest.fixture
def artifact(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "artifact")
    return tmp_path / "artifact"


def _change(name: str, artifact: Path) -> None:
    content = bytearray((artifact / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (artifact / name).write_bytes(content)


def _write(name: str, content: bytes, artifact: Path) -> None:
    (artifact / name).write_bytes(content)


def _remove(name: str, artifact: Path) -> None:
    (artifact / name).unlink()


def _link(name: str, artifact: Path) -> None:
    shutil.copy(artifact / name, artifact.parent)
    _remove(name, artifact)
    (artifact / name).symlink_to(artifact.parent / Path(name).name)


DAMAGE: dict[str, tuple[Callable[[Path], object], str, int]] = {
    "a changed model": (partial(_change, "model.onnx"), "E005", FOUND),
    "a changed script": (partial(_change, "infer.py"), "E005", FOUND),
    "a changed expectation": (partial(_change, "expected/output_0.npy"), "E005", FOUND),
    "a missing model": (partial(_remove, "model.onnx"), "E004", FOUND),
    "a missing expectation": (partial(_remove, "expected/input_0.npy"), "E004", FOUND),
    "a missing manifest": (partial(_remove, "manifest.json"), "E001", UNREADABLE),
    "a missing folder": (shutil.rmtree, "E001", UNREADABLE),
    "one file too many": (partial(_write, "extra\x1b[31m.sh", b"exit"), "E006", FOUND),
    "a link": (partial(_link, "model.onnx"), "E007", FOUND),
    "an empty manifest": (partial(_write, "manifest.json", b""), "E002", FOUND),
    "a manifest of a list": (partial(_write, "manifest.json", b"[]"), "E002", FOUND),
    "a manifest of bytes": (partial(_write, "manifest.json", b"\xff\xfe"), "E002", FOUND),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_artifact_does_not_verify(artifact: Path, name: str) -> None:
    damage, code, status = DAMAGE[name]
    damage(artifact)
    refused(artifact.parent, "verify", "artifact", code=code, status=status)
    refused_as_json(artifact.parent, "verify", "artifact", code=code, status=status)


def test_a_file_is_no_artifact(artifact: Path) -> None:
    refused(artifact, "verify", "model.onnx", code="E001", status=UNREADABLE)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b"{" * 100_000, b'{"product": "x"}'], ids=str)
def test_a_folder_without_a_readable_report_cannot_be_compared(artifact: Path, content: bytes | None) -> None:
    (artifact.parent / "other").mkdir()
    if content is not None:
        (artifact.parent / "other" / "report.json").write_bytes(content)
    refused(artifact.parent, "diff", "artifact", "other", code="R053", status=UNREADABLE)
    refused_as_json(artifact.parent, "diff", "other", "artifact", code="R053", status=UNREADABLE)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["targets", "tx22"], "R007"),
        (["targets", "../profiles/tx2"], "R007"),
        (["passes", "level_prune"], "R006"),
        (["passes", "\x1b[2J"], "R006"),
        (["explain", "T9999"], "R054"),
        (["explain", ""], "R054"),
        (["explain", "\x1b]0;title\x07"], "R054"),
        (["lint", "nowhere"], "R051"),
        (["lint", "."], "R050"),
        (["lint", "\x1b[31m.yaml"], "R051"),
        (["inspect", "nowhere.onnx"], "M001"),
        (["inspect", "model.onnx", "--target", "tx22"], "R007"),
        (["init", "nowhere.onnx"], "M001"),
        (["init", "model.onnx", "--target", "tx22"], "R007"),
        (["init", "model.onnx", "--out", "model.onnx"], "R052"),
        (["init", "model.onnx", "--out", "nowhere/recipe.yaml"], "R055"),
        (["init", "model.onnx", "--out", "."], "R052"),
        (["verify", "."], "E001"),
        (["lock", "nowhere.yaml"], "R011"),
    ],
    ids=str,
)
def test_a_word_that_names_nothing_is_refused(tmp_path: Path, args: list[str], code: str) -> None:
    save(tmp_path, sound())
    refused(tmp_path, *args, code=code, status=UNREADABLE)


@pytest.mark.parametrize(
    "args",
    [
        ["bulid"],
        ["build"],
        ["build", "recipe.yaml", "--taget", "tx2"],
        ["build", "recipe.yaml", "--format", "xml"],
        ["lint"],
        ["lint", "recipe.yaml", "--format", "yaml"],
        ["diff", "one"],
        ["explain"],
        ["schema", "more"],
    ],
    ids=str,
)
def test_a_wrong_command_line_says_how_it_should_be(tmp_path: Path, args: list[str]) -> None:
    said = compress(*args, cwd=tmp_path)
    check_manners(said)
    assert said.status == UNREADABLE
    assert "Usage: " in said.err
    assert not said.out


def test_init_never_writes_over_a_recipe(tmp_path: Path) -> None:
    save(tmp_path, sound())
    (tmp_path / "recipe.yaml").write_text("precious")
    refused(tmp_path, "init", "model.onnx", code="R052", status=UNREADABLE)


def test_an_out_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    save(tmp_path, sound())
    recipe_for(tmp_path)
    (tmp_path / "build/bad/tx2").mkdir(parents=True)
    (tmp_path / "build/bad/tx2/precious").write_text("work")
    refused(tmp_path, "build", "recipe.yaml", code="E011", status=FOUND)
