"""Writes an artifact's folder so that it is there whole or not at all."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from compiler.artifact.manifest import MANIFEST
from compiler.codes.artifact import FOLDER_UNWRITABLE, NOT_AN_ARTIFACT
from compiler.diagnostic import CompressError, Diagnostic

_DRAFT, _PREVIOUS = ".draft", ".previous"


def write_artifact(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a new sibling folder, then put that in the place of `folder`.

    When anything fails, an interrupt included, the earlier artifact stays. Builds of the same artifact may run side by
    side: each has a draft of its own, and the last to finish wins. Drafts of killed builds go with the next build; a
    draft in use is known by the lock on it, which the system drops when its owner dies.
    """
    try:
        check_place(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _own_draft(folder) as draft:
            fill(draft)
            with _locked(folder.parent):
                check_place(folder)
                _swap(draft, folder)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror or error}"
        raise CompressError(Diagnostic(FOLDER_UNWRITABLE, message)) from error


def check_place(folder: Path) -> None:
    """Refuse a place that holds something else than an artifact, or lies under a file. Raises CompressError."""
    above = next(parent for parent in folder.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise CompressError(Diagnostic(FOLDER_UNWRITABLE, f"cannot write {folder}: {above} is no folder"))
    if not os.path.lexists(folder):
        return
    is_folder = folder.is_dir() and not folder.is_symlink()
    if not is_folder or not ((folder / MANIFEST).is_file() or not any(folder.iterdir())):
        message = f"{folder} is taken by something that is no artifact"
        raise CompressError(Diagnostic(NOT_AN_ARTIFACT, message, help="name another --out, or move it away"))


@contextmanager
def _own_draft(folder: Path) -> Generator[Path]:
    """Make a locked folder beside the artifact's; remove it at the end if it is still there."""
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}{_DRAFT}")
    with _locked(folder.parent):
        _sweep(folder)
        draft.mkdir()
        lock = os.open(draft, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Hold a folder's lock; builds hold it for the moment of a rename only."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sweep(folder: Path) -> None:
    """Clear away what killed builds left, and bring back an artifact that one had just moved aside."""
    for name in sorted(path.name for path in folder.parent.iterdir()):
        left = folder.with_name(name)
        if _is_leftover(name, folder.name, _PREVIOUS):
            if folder.exists():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.rename(folder)
        elif _is_leftover(name, folder.name, _DRAFT) and not _is_locked(left):
            shutil.rmtree(left, ignore_errors=True)


def _is_leftover(name: str, artifact: str, ending: str) -> bool:
    """Tell whether a name is one that this module gives beside this very artifact."""
    token = name.removeprefix(f".{artifact}.").removesuffix(ending)
    return name == f".{artifact}.{token}{ending}" and len(token) == 16 and set(token) <= set("0123456789abcdef")


def _is_locked(draft: Path) -> bool:
    """Tell whether a running build owns a draft."""
    lock = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _swap(draft: Path, folder: Path) -> None:
    """Rename the draft to the artifact; the earlier one goes only when the new one stands."""
    previous = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}{_PREVIOUS}")
    try:
        if folder.exists():
            folder.rename(previous)
        draft.rename(folder)
    except BaseException:
        if previous.exists() and not folder.exists():
            previous.rename(folder)
        raise
    shutil.rmtree(previous, ignore_errors=True)
