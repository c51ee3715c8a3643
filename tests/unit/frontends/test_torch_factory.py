"""A factory becomes an ONNX model of the same values."""

import random
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from compiler.frontends.onnx_file import load_model
from compiler.frontends.structure import read_structure
from compiler.frontends.torch_factory import export_factory, factory_source, lock_text
from tests.support.torch_project import INPUTS, export, fault, run, small, state, torch_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return torch_project(tmp_path)


def test_onnx_runtime_agrees_with_torch(folder: Path) -> None:
    class Twin(nn.Module):
        """The network of `net.py`, written again without its files."""

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.ModuleDict({"conv": nn.Conv2d(3, 8, 3, bias=False), "norm": nn.BatchNorm2d(8)})
            self.layers = nn.Sequential(nn.Conv2d(8, 8, 3), nn.SiLU())
            self.fc = nn.Linear(8, 2)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = self.layers(self.stem["norm"](self.stem["conv"](x)).relu())
            return self.fc(torch.cat([x, x], 2).mean((2, 3))), x[:, ::2]

    twin = Twin()
    with torch.no_grad():
        twin.train()(torch.rand(4, 3, 12, 12) * 5)  # the running statistics move
    torch.save({"state_dict": twin.state_dict()}, folder / "net.pt")
    model = export(folder, checkpoint=folder / "net.pt", width=8)
    onnx.checker.check_model(model, full_check=True)
    sample = torch.rand(1, 3, 12, 12)
    with torch.no_grad():
        expected = twin.eval()(sample)
    assert [output.name for output in model.graph.output] == ["scores", "half"]
    for found, wanted in zip(run(model, sample.numpy()), expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)


def test_every_layer_stays_and_bears_the_name_of_its_module(folder: Path) -> None:
    model = export(folder)
    named = {node.name: node.op_type for node in model.graph.node if node.op_type != "Constant"}
    assert list(named.items())[:6] == [
        ("stem.conv", "Conv"),
        ("stem.norm", "BatchNormalization"),
        ("stem.act", "Relu"),
        ("layers.0", "Conv"),
        ("layers.1", "Sigmoid"),
        ("layers.1.Mul", "Mul"),
    ]
    assert named["fc"] == "Gemm"
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    assert [value.name for value in model.graph.input] == ["images"]
    norm = next(node for node in model.graph.node if node.name == "stem.norm")
    assert norm.input[:2] == ["stem.conv", "stem.norm.weight"]


def test_the_graph_does_not_depend_on_equal_weights(folder: Path) -> None:
    names = [tensor.name for tensor in export(folder).graph.initializer if "norm" in tensor.name]
    assert names == [f"stem.norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")]


def test_a_module_used_twice_keeps_one_weight(folder: Path) -> None:
    model = small(
        folder, "def build():\n    same = nn.Conv2d(3, 3, 1)\n    return nn.Sequential(same, nn.ReLU(), same)"
    )
    assert [tensor.name for tensor in model.graph.initializer] == ["0.weight", "0.bias"]
    assert len({node.name for node in model.graph.node}) == 3


def test_two_exports_give_the_same_bytes(folder: Path) -> None:
    assert export(folder).SerializeToString() == export(folder).SerializeToString()


def test_another_seed_gives_other_weights_in_the_same_graph(folder: Path) -> None:
    first, second = (export_factory("net.py:build", folder, {}, None, INPUTS, seed) for seed in (1, 2))
    assert not torch.equal(state(first)["fc.weight"], state(second)["fc.weight"])
    assert list(first.graph.node) == list(second.graph.node)


def test_an_export_leaves_no_trace(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(5)
    before = (torch.get_rng_state(), random.getstate(), list(sys.path), set(sys.modules) - {"blocks"})
    model = export(folder)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), list(sys.path)) == before[1:3]
    assert "blocks" not in sys.modules and "_compress_factory" not in sys.modules
    assert sorted(path.name for path in folder.iterdir()) == ["blocks.py", "net.py"]
    assert capfd.readouterr() == ("", "")
    assert str(folder).encode() not in model.SerializeToString()
    assert all(not node.doc_string for node in model.graph.node)


def test_two_folders_may_have_neighbours_of_one_name(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "net.py").write_text("from blocks import build\n")
    (other / "blocks.py").write_text("from torch import nn\ndef build():\n    return nn.ReLU()\n")
    sizes = [len(export(where).graph.node) for where in (folder, other, folder)]
    assert sizes[1] == 1 and sizes[0] == sizes[2] > 1


def test_a_module_on_the_path_is_found_without_importing_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "zoo_for_test" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("")
    monkeypatch.syspath_prepend(str(folder))
    assert factory_source("zoo_for_test.inner.nets:build", Path("x")) == package / "nets.py"
    assert factory_source("zoo_for_test.inner:build", Path("x")) == package / "__init__.py"
    diagnostic = fault(lambda: export(folder, "zoo_for_test.inner.nets:build"))
    assert diagnostic.code.slug == "factory-raises" and "RuntimeError: imported" in diagnostic.message


def test_a_factory_may_be_an_importable_module(folder: Path) -> None:
    model = export(folder, "torch.nn:ReLU")
    assert [node.op_type for node in model.graph.node] == ["Relu"]


def test_a_lock_holds_the_graph_of_the_export(folder: Path) -> None:
    text = lock_text("net.py:build", folder, {"width": 8}, INPUTS, 3)
    model, digest = read_structure(text)
    assert len(digest) == 64
    folded = load_model(export(folder), INPUTS, "net").program
    assert [node.name for node in model.graph.node] == [op.name for op in folded.each()]
    assert text == lock_text("net.py:build", folder, {"width": 8}, INPUTS, 4)
