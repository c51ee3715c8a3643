"""Checkpoints are whole or not there."""

import os
from pathlib import Path

import torch

from compiler.training.checkpoint import Checkpoints, key_of


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path / "kept", "k")
    assert store.load() is None
    numbers, lines = torch.arange(3), [[1, 0.5, 0.1, {"ap50": 0.9}]]
    assert store.save({"a": numbers, "lines": lines, "none": None})
    found = store.load()
    assert found is not None
    assert torch.equal(found["a"], numbers)
    assert (found["lines"], found["none"]) == (lines, None)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["k.pt"]


def test_a_damaged_one_is_as_good_as_none(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, "k")
    store.save({"a": torch.arange(300)})
    whole = (tmp_path / "k.pt").read_bytes()
    for damaged in (b"", whole[:-7], whole[:100] + b"x" + whole[101:], b"\n" + whole):
        (tmp_path / "k.pt").write_bytes(damaged)
        assert store.load() is None
    (tmp_path / "k.pt").write_bytes(whole)
    assert store.load() is not None


def test_old_ones_and_forgotten_drafts_go(tmp_path: Path) -> None:
    for number in range(10):
        Checkpoints(tmp_path, f"k{number}").save({})
        os.utime(tmp_path / f"k{number}.pt", (number, number))
    draft = tmp_path / "killed.draft"
    draft.write_bytes(b"half")
    os.utime(draft, (1, 1))
    Checkpoints(tmp_path, "last").save({})
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f"k{n}.pt" for n in range(3, 10)), "last.pt"]


def test_a_folder_that_refuses_is_told_and_let_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert not Checkpoints(tmp_path / "file", "k").save({})


def test_a_key_changes_with_every_fact() -> None:
    assert key_of({"seed": 1, "data": "a"}) == key_of({"data": "a", "seed": 1})
    assert len({key_of({"seed": 1}), key_of({"seed": 2}), key_of({"seed": "1"})}) == 3
