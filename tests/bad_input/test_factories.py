"""Torch factories and checkpoints that do not work: the user's own line is named, nothing is written, no code runs."""

import pickle
from pathlib import Path

import pytest
import torch

from tests.bad_input.refusals import FOUND, UNREADABLE, recipe_for, refused, refused_as_json

FACTORY = """
import torch


def build(width=4):
    return torch.nn.Sequential(torch.nn.Conv2d(3, width, 3, padding=1), torch.nn.ReLU())


def build_pair():
    return build(), 1


def build_late():
    raise ValueError("no such\\x1b[31m width")


def build_exit():
    raise SystemExit(0)


class build_wrong(torch.nn.Module):
    def forward(self, x):
        return x.reshape(7, 7)


NUMBER = 7
"""

MODELS = {
    "no such file": ("{torch: 'net2.py:build', inputs: {x: [1, 3, 8, 8]}}", "M102"),
    "no such module": ("{torch: 'no_such_package:build', inputs: {x: [1, 3, 8, 8]}}", "M102"),
    "no such function": ("{torch: 'net.py:biuld', inputs: {x: [1, 3, 8, 8]}}", "M103"),
    "no function": ("{torch: 'net.py:NUMBER', inputs: {x: [1, 3, 8, 8]}}", "M103"),
    "an unknown argument": ("{torch: 'net.py:build', args: {widht: 4}, inputs: {x: [1, 3, 8, 8]}}", "M105"),
    "a wrong argument": ("{torch: 'net.py:build', args: {width: wide}, inputs: {x: [1, 3, 8, 8]}}", "M104"),
    "a negative argument": ("{torch: 'net.py:build', args: {width: -4}, inputs: {x: [1, 3, 8, 8]}}", "M104"),
    "a pair": ("{torch: 'net.py:build_pair', inputs: {x: [1, 3, 8, 8]}}", "M106"),
    "an error": ("{torch: 'net.py:build_late', inputs: {x: [1, 3, 8, 8]}}", "M104"),
    "an exit": ("{torch: 'net.py:build_exit', inputs: {x: [1, 3, 8, 8]}}", "M104"),
    "a broken forward": ("{torch: 'net.py:build_wrong', inputs: {x: [1, 3, 8, 8]}}", "M110"),
    "a wrong depth": ("{torch: 'net.py:build', inputs: {x: [1, 5, 8, 8]}}", "M110"),
    "too many inputs": ("{torch: 'net.py:build', inputs: {x: [1, 3, 8, 8], z: [1, 3, 8, 8]}}", "M110"),
    "no syntax": ("{torch: 'broken.py:build', inputs: {x: [1, 3, 8, 8]}}", "M104"),
    "a missing import": ("{torch: 'lonely.py:build', inputs: {x: [1, 3, 8, 8]}}", "M104"),
    "a folder": ("{torch: 'folder.py:build', inputs: {x: [1, 3, 8, 8]}}", "M102"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(FACTORY)
    (tmp_path / "broken.py").write_text("def build(:\n")
    (tmp_path / "lonely.py").write_text("import no_such_package_at_all\n")
    (tmp_path / "folder.py").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", MODELS)
def test_a_faulty_factory_is_refused(folder: Path, name: str) -> None:
    model, code = MODELS[name]
    recipe_for(folder, model)
    refused(folder, "build", "recipe.yaml", "--no-cache", code=code, status=UNREADABLE)
    refused_as_json(folder, "build", "recipe.yaml", "--no-cache", code=code, status=UNREADABLE)
    refused(folder, "lint", "recipe.yaml", code=code, status=FOUND)
    refused(folder, "lock", "recipe.yaml", code=code, status=UNREADABLE)


class _Tempting:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "code", "pickle", "list", "mismatch", "other layer"])
def test_a_faulty_checkpoint_is_refused(folder: Path, kind: str) -> None:
    path, sign = folder / "weights.pt", folder / "it-ran"
    state = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)).state_dict()
    contents = {"list": [1, 2], "code": {"0.weight": _Tempting(sign)}, "mismatch": {"0.bias": state["0.bias"][:2]}}
    if kind in ("empty", "text"):
        path.write_bytes(b"" if kind == "empty" else b"no weights")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(_Tempting(sign)))
    elif kind != "missing":
        torch.save(contents.get(kind, {"1.weight": state["0.weight"]}), path)
    recipe_for(folder, "{torch: 'net.py:build', checkpoint: weights.pt, inputs: {x: [1, 3, 8, 8]}}")
    code = {"missing": "M107", "mismatch": "M109", "other layer": "M109"}.get(kind, "M108")
    refused(folder, "build", "recipe.yaml", "--no-cache", code=code, status=UNREADABLE)
    assert not sign.exists()


@pytest.mark.parametrize("content", [b"", b"<a>", b"\xff\xfe\x00", b"# compress structure 1\n# digest: 0\n{"], ids=str)
def test_a_broken_structure_lock_is_refused(folder: Path, content: bytes) -> None:
    recipe_for(folder, "{torch: 'net.py:build', inputs: {x: [1, 3, 8, 8]}}")
    (folder / "structure.onnx.txt").write_bytes(content)
    refused(folder, "lint", "recipe.yaml", code="M113", status=FOUND)


def test_a_structure_lock_that_cannot_be_written_is_reported(folder: Path) -> None:
    recipe_for(folder, "{torch: 'net.py:build', inputs: {x: [1, 3, 8, 8]}}")
    (folder / "structure.onnx.txt").mkdir()
    refused(folder, "lock", "recipe.yaml", code="R055", status=UNREADABLE)
