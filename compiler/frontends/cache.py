"""Keeps networks that took seconds to make: what torch exported, and what was folded on loading.

The same factory, weights and versions then need no torch the second time, and the same file no constant folding.
"""

import contextlib
import hashlib
import json
import os
import platform
import secrets
from collections.abc import Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from compiler.frontends.closed_source import closed_files
from compiler.frontends.factory_spec import factory_source, parse_spec
from compiler.recipe import Model
from compiler.tool import library_versions, tool_version

_FORMAT = 1
_MOST_ENTRIES = 16


def cache_folder() -> Path | None:
    """Name the user's folder for kept networks; None for a user without a home."""
    return _folder("exports")


def checkpoint_folder() -> Path | None:
    """Name the user's folder for the state of trainings; None for a user without a home."""
    return _folder("training")


def _folder(name: str) -> Path | None:
    try:
        return Path.home() / ".cache" / "compress" / name
    except RuntimeError:
        return None


def key_of(model: Model, folder: Path, seed: int) -> str | None:
    """Hash all that an export depends on; None where that cannot be told, or where a file cannot be read.

    That is the source of the factory and of all that it imports, its arguments, the checkpoint, the seed, the inputs
    in order, the versions of Python and the libraries, the machine, and this compiler's own exporting code.
    """
    if model.torch is None or not parse_spec(model.torch).is_file:
        return None
    source = factory_source(model.torch, folder)
    files = closed_files(source)
    if files is None:
        return None
    facts: dict[str, object] = {
        "function": parse_spec(model.torch).function,
        "args": model.args,
        "inputs": [[name, list(shape)] for name, shape in model.inputs.items()],
        "seed": seed,
    }
    try:
        facts["files"] = [[path.name, _digest(path)] for path in (source, *files)]
        facts["checkpoint"] = None if model.checkpoint is None else _digest(model.checkpoint)
    except OSError:
        return None
    return _key(facts)


def key_of_file(content: bytes) -> str:
    """Hash all that folding a model depends on: its bytes, the versions, the machine and this compiler's own code."""
    return _key({"model": hashlib.sha256(content).hexdigest()})


def key_of_backbone(facts: Mapping[str, object]) -> str:
    """Hash all that the export of a library's backbone depends on."""
    return _key({"backbone": dict(facts)})


def _key(facts: Mapping[str, object]) -> str:
    """Hash facts together with what every entry depends on."""
    own = sorted(Path(__file__).parent.glob("*.py"))
    common: dict[str, object] = {
        "format": _FORMAT,
        "own": [[path.name, _digest(path)] for path in own],
        "versions": {**library_versions(), "compress": tool_version(), "python": platform.python_version()},
        "machine": [platform.system(), platform.machine()],
    }
    return hashlib.sha256(json.dumps({**common, **facts}, sort_keys=True).encode()).hexdigest()


def fetch(folder: Path, key: str) -> onnx.ModelProto | None:
    """Return a kept network; None when there is none, or when it is damaged."""
    path = _entry(folder, key)
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        model = onnx.load_model_from_string(content)
    except (OSError, DecodeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return model


def keep(folder: Path, key: str, model: onnx.ModelProto) -> None:
    """Keep a network, all or nothing, and drop those not used for longest. A folder that refuses is let be."""
    content = model.SerializeToString()
    draft = folder / f"{secrets.token_hex(8)}.draft"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        draft.replace(_entry(folder, key))
        entries = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime_ns)
        for path in entries[:-_MOST_ENTRIES]:
            path.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _entry(folder: Path, key: str) -> Path:
    return folder / f"{key}.onnx"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
