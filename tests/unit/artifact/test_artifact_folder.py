"""Writing an artifact: whole or not at all, also beside other builds and after killed ones."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from compiler.artifact import write_artifact
from compiler.diagnostic import CompressError


def filled(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    (folder / "model.onnx").write_text(text)


def state(parent: Path) -> dict[str, str]:
    return {str(path.relative_to(parent)): path.read_text() for path in sorted(parent.rglob("*")) if path.is_file()}


def whole(text: str) -> dict[str, str]:
    return {"tx2/manifest.json": text, "tx2/model.onnx": text}


def test_first_and_second_build_replace_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "product" / "tx2"
    write_artifact(folder, lambda draft: filled(draft, "one"))
    assert state(folder.parent) == whole("one")
    (folder / "stale").write_text("stale")
    write_artifact(folder, lambda draft: filled(draft, "two"))
    assert state(folder.parent) == whole("two")
    assert os.listdir(folder.parent) == ["tx2"]  # noqa: PTH208 - hidden names too


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_keeps_the_previous_and_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    write_artifact(tmp_path / "tx2", lambda draft: filled(draft, "one"))

    def fail(draft: Path) -> None:
        filled(draft, "half")
        raise error

    with pytest.raises(error):
        write_artifact(tmp_path / "tx2", fail)
    assert state(tmp_path) == whole("one")
    assert os.listdir(tmp_path) == ["tx2"]  # noqa: PTH208


def test_interrupt_between_the_two_renames_brings_the_previous_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_artifact(tmp_path / "tx2", lambda draft: filled(draft, "one"))
    rename = Path.rename

    def interrupted(path: Path, to: Path) -> Path:
        if path.name.endswith(".draft"):
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_artifact(tmp_path / "tx2", lambda draft: filled(draft, "two"))
    assert state(tmp_path) == whole("one")


def test_leftovers_of_killed_builds_are_cleared_and_a_moved_artifact_comes_back(tmp_path: Path) -> None:
    sixteen = "0123456789abcdef"
    for name in (f".tx2.{sixteen}.draft", f".tx2.{sixteen}.previous", ".tx2.mine.draft", f".nano.{sixteen}.draft"):
        (tmp_path / name).mkdir()
        filled(tmp_path / name, name)

    def fail(draft: Path) -> None:
        del draft
        raise ValueError

    with pytest.raises(ValueError):
        write_artifact(tmp_path / "tx2", fail)
    assert sorted(os.listdir(tmp_path)) == [f".nano.{sixteen}.draft", ".tx2.mine.draft", "tx2"]  # noqa: PTH208
    assert (tmp_path / "tx2" / "model.onnx").read_text() == f".tx2.{sixteen}.previous"


def _hang(folder: Path, ready: str) -> None:
    def fill(draft: Path) -> None:
        filled(draft, "killed")
        Path(ready).write_text("")
        signal.pause()

    write_artifact(folder, fill)


def test_draft_of_a_running_build_is_spared_and_of_a_killed_one_swept(tmp_path: Path) -> None:
    folder, ready = tmp_path / "out" / "tx2", tmp_path / "ready"
    os.mkfifo(ready)
    process = multiprocessing.get_context("fork").Process(target=_hang, args=(folder, str(ready)))
    process.start()
    ready.read_text()
    write_artifact(folder, lambda draft: filled(draft, "one"))
    assert len(os.listdir(folder.parent)) == 2  # noqa: PTH208
    process.kill()
    process.join()
    write_artifact(folder, lambda draft: filled(draft, "two"))
    assert state(folder.parent) == whole("two")
    assert os.listdir(folder.parent) == ["tx2"]  # noqa: PTH208


def test_two_builds_at_once_do_not_mix(tmp_path: Path) -> None:
    meet = threading.Barrier(2)

    def build(text: str) -> None:
        def fill(draft: Path) -> None:
            (draft / "manifest.json").write_text(text)
            meet.wait(timeout=30)
            (draft / "model.onnx").write_text(text)

        write_artifact(tmp_path / "tx2", fill)

    threads = [threading.Thread(target=build, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state(tmp_path) in (whole("one"), whole("two"))
    assert os.listdir(tmp_path) == ["tx2"]  # noqa: PTH208


def test_what_is_no_artifact_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    (tmp_path / "file").write_text("file")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    before = state(tmp_path)
    for name in ("photos", "file", "link"):
        with pytest.raises(CompressError, match="E011"):
            write_artifact(tmp_path / name, lambda draft: filled(draft, "one"))
    assert state(tmp_path) == before


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "tx2").mkdir()
    write_artifact(tmp_path / "tx2", lambda draft: filled(draft, "one"))
    assert state(tmp_path) == whole("one")


def test_unwritable_place_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "tx2", tmp_path / ("x" * 250)):
        with pytest.raises(CompressError, match="E012"):
            write_artifact(folder, lambda draft: filled(draft, "one"))


def test_new_folder_has_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    write_artifact(tmp_path / "tx2", lambda draft: filled(draft, "one"))
    assert (tmp_path / "tx2").stat().st_mode == (tmp_path / "usual").stat().st_mode
