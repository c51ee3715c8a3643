"""One digest over all that a source of data holds: images, arrays and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compiler.data.records import Listing, Record

_CHUNK = 1 << 20


def listings_digest(listings: Iterable[tuple[str, Listing]]) -> str:
    """Hash listings under their names, in order: every file by name and bytes, and what functions make by value."""
    sha = hashlib.sha256()
    for role, listing in listings:
        sha.update(f"{role}\0{listing.count}\0{listing.names}\0".encode())
        for name, path in listing.files:
            sha.update(f"{name}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    sha.update(chunk)
        if not listing.is_of_files:
            for index in range(listing.count):
                _add_record(sha, listing.fetch(index))
    return sha.hexdigest()


def _add_record(sha: Any, record: Record) -> None:
    """Hash one example: its pixels or arrays, and its labels."""
    content = record.content
    if isinstance(content, Path):
        sha.update(content.read_bytes())
    elif isinstance(content, Mapping):
        for name in sorted(content):
            _add_array(sha, name, content[name])
    else:
        _add_array(sha, content.mode, np.asarray(content))
    objects = record.objects
    for name in ("boxes", "categories", "keypoints", "areas", "crowds"):
        _add_array(sha, name, getattr(objects, name))
    sha.update(f"{record.label}\0".encode())


def _add_array(sha: Any, name: str, array: Any) -> None:
    sha.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
    sha.update(np.ascontiguousarray(array).tobytes())
