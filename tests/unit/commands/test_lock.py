"""`compress lock` writes the checked-in structure locks again, byte for byte."""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress

LOCKS = sorted(RECIPES.glob("*/structure.onnx.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_is_reproduced(lock: Path, tmp_path: Path) -> None:
    shutil.copytree(RECIPES / "models", tmp_path / "models")
    folder = tmp_path / lock.parent.name
    folder.mkdir()
    shutil.copy(lock.parent / "recipe.yaml", folder)
    said = compress("lock", folder / "recipe.yaml")
    assert said.status == 0, said.err
    assert said.out == f"wrote {folder / lock.name}\n"
    assert (folder / lock.name).read_bytes() == lock.read_bytes()


def test_lint_says_when_a_lock_is_missing_or_stale(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import torch\n\n\ndef build():\n    return torch.nn.Conv2d(3, 4, 1)\n")
    recipe = "version: 1\nproduct: a\nmodel: {torch: 'net.py:build', inputs: {x: [1, 3, 8, 8]}}\ntarget: host\n"
    (tmp_path / "recipe.yaml").write_text(recipe)
    assert "note[M018]" in compress("lint", "recipe.yaml", cwd=tmp_path).out
    assert compress("lock", "recipe.yaml", cwd=tmp_path).status == 0
    assert "M018" not in compress("lint", "recipe.yaml", cwd=tmp_path).out
    (tmp_path / "net.py").write_text((tmp_path / "net.py").read_text().replace("4, 1", "5, 1"))
    assert "note[M018]" in compress("lint", "recipe.yaml", cwd=tmp_path).out
