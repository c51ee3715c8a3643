"""Checkpoints: the state of a training after each epoch, written whole or not at all, found by what it depends on.

A checkpoint's key hashes the network, the options, the data, the seed and the versions, so one that was made
for anything else is never taken up. What is random is drawn anew for each epoch from seed and epoch, so the order of
the data and the augmentations need no state of their own.
"""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

FORMAT = 1
_MOST_ENTRIES = 8


def key_of(facts: Mapping[str, object]) -> str:
    """Hash all that a training's result depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Checkpoints:
    """The checkpoint of one training in a folder that many share; the least recently used ones are dropped."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._path = folder, folder / f"{key}.pt"

    def load(self) -> dict[str, Any] | None:
        """Return the last state, or None where there is none or it is damaged."""
        try:
            with self._path.open("rb") as stream:
                digest = stream.readline().strip().decode("ascii", "replace")
                if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
                    return None
                stream.seek(len(digest) + 1)
                state = cast("dict[str, Any]", torch.load(stream, map_location="cpu", weights_only=True))
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(self._path)
        return state

    def save(self, state: Mapping[str, object]) -> bool:
        """Replace the state, all or nothing; tell whether that was possible."""
        draft = self._folder / f"{secrets.token_hex(8)}.draft"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(draft, state)
            draft.replace(self._path)
            self._drop_stale()
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            return False
        return True

    def _drop_stale(self) -> None:
        """Keep the entries used last, and no drafts of builds that were killed while writing."""
        entries = sorted(self._folder.glob("*.pt"), key=lambda path: path.stat().st_mtime_ns)
        old = self._path.stat().st_mtime - 3600
        drafts = [path for path in self._folder.glob("*.draft") if path.stat().st_mtime < old]
        for path in (*entries[:-_MOST_ENTRIES], *drafts):
            path.unlink(missing_ok=True)


def _write(path: Path, state: Mapping[str, object]) -> None:
    """Write a state after its digest, and see it onto the disk."""
    body = path.with_suffix(".body.draft")
    try:
        torch.save(dict(state), body)
        with body.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            with path.open("wb") as out:
                out.write(f"{digest}\n".encode())
                while block := stream.read(1 << 20):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
    finally:
        body.unlink(missing_ok=True)
