"""Kept exports: found again for the very same input only, and never trusted when damaged."""

from pathlib import Path

import pytest
import torch
from onnx.parser import parse_model as parse

from compiler.frontends.cache import fetch, keep, key_of
from compiler.frontends.closed_source import closed_files
from compiler.frontends.onnx_file import load_onnx
from compiler.frontends.source import load_source
from compiler.ir import digest
from compiler.recipe import LoadedRecipe, load_recipe

FACTORY = """
import torch

import blocks


def build(width=4):
    return torch.nn.Sequential(blocks.first(width), torch.nn.ReLU())
"""
BLOCKS = """
from torch import nn


def first(width):
    return nn.Conv2d(3, width, 3)
"""
RECIPE = """
version: 1
product: a
model:
  torch: net.py:build
  args: {width: 4}
  inputs: {x: [1, 3, 8, 8]}
seed: 7
"""

FOLDABLE = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) {
    shape = Shape(x)
    same = Reshape(x, shape)
    y = Relu(same)
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(FACTORY)
    (tmp_path / "blocks.py").write_text(BLOCKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def recipe(folder: Path, *sets: str) -> LoadedRecipe:
    return load_recipe(folder / "recipe.yaml", sets)


def key(folder: Path, *sets: str) -> str | None:
    loaded = recipe(folder, *sets)
    return key_of(loaded.recipe.model, folder, loaded.recipe.seed)


def entries(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_the_second_load_is_the_first_again(folder: Path) -> None:
    cache = folder / "cache"
    plain = digest(load_source(recipe(folder)).program)
    first = digest(load_source(recipe(folder), cache).program)
    assert entries(cache) == [f"{key(folder)}.onnx"]
    second = digest(load_source(recipe(folder), cache).program)
    assert plain == first == second
    assert len(entries(cache)) == 1


def test_a_kept_export_is_really_used(folder: Path) -> None:
    """What is kept under the key of one factory, here another network, is what comes back."""
    cache, name = folder / "cache", key(folder)
    load_source(recipe(folder, "model.args.width=6"), cache)
    other = fetch(cache, key(folder, "model.args.width=6") or "")
    assert name is not None and other is not None
    keep(cache, name, other)
    assert load_source(recipe(folder), cache).program.shape("output0") == (1, 6, 6, 6)


@pytest.mark.parametrize("setting", ["model.args.width=5", "seed=8", "model.inputs.x=[1, 3, 9, 9]"])
def test_another_value_in_the_recipe_is_another_entry(folder: Path, setting: str) -> None:
    assert key(folder) != key(folder, setting)
    assert key(folder, setting) == key(folder, setting)


@pytest.mark.parametrize("name", ["net.py", "blocks.py"])
def test_another_source_is_another_entry(folder: Path, name: str) -> None:
    before = key(folder)
    (folder / name).write_text((folder / name).read_text() + "\n# a remark\n")
    assert key(folder) not in (before, None)


def test_other_weights_are_another_entry(folder: Path) -> None:
    checkpoint = folder / "weights.pt"
    keys: set[str | None] = {key(folder)}
    for seed in (1, 2):
        torch.manual_seed(seed)
        torch.save(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)).state_dict(), checkpoint)
        keys.add(_with_checkpoint(folder))
    assert len(keys) == 3
    checkpoint.unlink()
    assert _with_checkpoint(folder) is None


def _with_checkpoint(folder: Path) -> str | None:
    loaded = recipe(folder)
    model = loaded.recipe.model.model_copy(update={"checkpoint": folder / "weights.pt"})
    return key_of(model, folder, loaded.recipe.seed)


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "other", "folder"])
def test_a_damaged_entry_is_ignored_and_written_anew(folder: Path, damage: str) -> None:
    cache = folder / "cache"
    whole = digest(load_source(recipe(folder), cache).program)
    (path,) = cache.iterdir()
    content = path.read_bytes()
    broken = {
        "cut": content[:-10],
        "empty": b"",
        "flipped": content[:-1] + bytes([content[-1] ^ 1]),
        "other": b"0" * 64 + content[64:],
    }
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(broken[damage])
    assert digest(load_source(recipe(folder), cache).program) == whole
    assert entries(cache) == [path.name]
    assert path.is_dir() or path.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_let_be(folder: Path) -> None:
    (folder / "cache").write_text("in the way")
    assert load_source(recipe(folder), folder / "cache").program
    assert (folder / "cache").read_text() == "in the way"


def test_without_a_cache_nothing_is_kept(folder: Path) -> None:
    before = entries(folder)
    load_source(recipe(folder))
    assert [name for name in entries(folder) if name not in before] == []


def test_the_cache_holds_a_few_entries_only(folder: Path) -> None:
    cache = folder / "cache"
    load_source(recipe(folder), cache)
    model = fetch(cache, key(folder) or "")
    assert model is not None
    for number in range(40):
        keep(cache, f"{number:064}", model)
    assert len(entries(cache)) == 16
    assert fetch(cache, f"{39:064}") is not None


def test_a_module_on_the_python_path_is_not_kept(folder: Path) -> None:
    loaded = recipe(folder)
    model = loaded.recipe.model.model_copy(update={"torch": "torchvision.models:resnet18"})
    assert key_of(model, folder, 0) is None


def test_a_closed_factory_names_its_files(folder: Path) -> None:
    assert closed_files(folder / "net.py") == (folder / "blocks.py", folder / "net.py")
    (folder / "blocks.py").write_text("import deeper\n")
    (folder / "deeper.py").write_text("import math\n")
    assert [path.name for path in closed_files(folder / "net.py") or ()] == ["blocks.py", "deeper.py", "net.py"]


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "import torchvision",
        "import yaml",
        "from pathlib import Path",
        "from . import blocks",
        "from .blocks import first",
        "import blocks.inner",
        "state = torch.load('weights.pt')",
        "from torch import load",
        "from torch.hub import download_url_to_file",
        "import torch.hub as h",
        "import numpy as np; np.fromfile('x')",
        "text = open('layers.json')",
        "getattr(torch, 'lo' + 'ad')('x')",
        "torch.__dict__['load']('x')",
        "__import__('os').environ",
        "eval('1')",
        "torch.cuda.is_available()",
        "torch.ops.load_library('x')",
        "def broken(:",
    ],
)
def test_a_factory_that_may_reach_outside_is_not_kept(folder: Path, line: str) -> None:
    if "inner" in line:
        (folder / "blocks").mkdir()
    (folder / "net.py").write_text(f"{FACTORY}\n{line}\n")
    assert closed_files(folder / "net.py") is None
    assert key(folder) is None


def test_a_neighbour_that_hides_a_known_package_is_a_doubt(folder: Path) -> None:
    (folder / "torch.py").write_text("")
    assert closed_files(folder / "net.py") is None


def test_the_reference_models_are_closed() -> None:
    models = Path(__file__).parents[3] / "recipes" / "models"
    for path in models.glob("*.py"):
        assert closed_files(path) is not None, path


def test_a_folded_file_is_taken_from_the_cache_the_second_time(tmp_path: Path) -> None:
    file, cache = tmp_path / "model.onnx", tmp_path / "cache"
    file.write_bytes(parse(FOLDABLE).SerializeToString())
    first = load_onnx(file, {}, cache=cache).program
    (entry,) = entries(cache)
    assert digest(load_onnx(file, {}, cache=cache).program) == digest(first) == digest(load_onnx(file, {}).program)
    keep(cache, Path(entry).stem, parse(FOLDABLE.replace("Relu", "Tanh")))
    assert [op.op_type for op in load_onnx(file, {}, cache=cache).program.each()][-1] == "Tanh"
