"""A factory becomes an ONNX model of the same values, and every fault in it a diagnostic."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import cast

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.structure import read_structure
from compiler.frontends.torch_factory import export_factory, factory_source, lock_text

NET = """
    import torch
    from torch import nn
    from blocks import Block

    class Net(nn.Module):
        output_names = ("scores", "half")

        def __init__(self, width):
            super().__init__()
            self.stem = Block(3, width)
            self.layers = nn.Sequential(nn.Conv2d(width, width, 3), nn.SiLU())
            self.fc = nn.Linear(width, 2)

        def forward(self, x):
            x = self.layers(self.stem(x))
            return self.fc(torch.cat([x, x], 2).mean((2, 3))), x[:, ::2]

    def build(width=8):
        print("building")
        return Net(width)
"""
BLOCKS = """
    from torch import nn

    class Block(nn.Module):
        def __init__(self, channels_in, channels_out):
            super().__init__()
            self.conv = nn.Conv2d(channels_in, channels_out, 3, bias=False)
            self.norm = nn.BatchNorm2d(channels_out)
            self.act = nn.ReLU()

        def forward(self, x):
            return self.act(self.norm(self.conv(x)))
"""
INPUTS = {"images": (1, 3, 12, 12)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(dedent(NET))
    (tmp_path / "blocks.py").write_text(dedent(BLOCKS))
    return tmp_path


def export(folder: Path, spec: str = "net.py:build", checkpoint: Path | None = None, **args: object) -> onnx.ModelProto:
    return export_factory(spec, folder, args, checkpoint, INPUTS, 3)


def small(folder: Path, body: str) -> onnx.ModelProto:
    """Export a factory written as a few lines; `nn` and `torch` are imported."""
    (folder / "small.py").write_text("import torch\nfrom torch import nn\n" + dedent(body))
    return export(folder, "small.py:build")


def fault(call: Callable[[], object]) -> Diagnostic:
    with pytest.raises(CompressError) as caught:
        call()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.help
    return diagnostic


def state(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    found = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer}
    return {name: torch.from_numpy(array) for name, array in found.items()}


def run(model: onnx.ModelProto, sample: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return cast(list[np.ndarray], session.run(None, {"images": sample}))


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
    assert [node.name for node in model.graph.node] == [node.name for node in export(folder).graph.node]
    assert text == lock_text("net.py:build", folder, {"width": 8}, INPUTS, 4)


@pytest.mark.parametrize("spec", ["net.py", "net.py:", "net.py:1st", ":build", "a-b:build", "net:a.b"])
def test_a_malformed_name_is_refused(folder: Path, spec: str) -> None:
    assert fault(lambda: factory_source(spec, folder)).code.id == "M101"


def test_a_missing_file_or_module_is_named(folder: Path) -> None:
    diagnostic = fault(lambda: export(folder, "block.py:build"))
    assert (diagnostic.code.id, diagnostic.help) == ("M102", "did you mean blocks.py?")
    assert fault(lambda: export(folder, "no_such_module.at_all:build")).code.id == "M102"


def test_a_missing_function_is_answered_with_the_nearest(folder: Path) -> None:
    diagnostic = fault(lambda: export(folder, "net.py:biuld"))
    assert (diagnostic.code.id, diagnostic.help) == ("M103", "did you mean build?")


def test_a_failing_factory_shows_the_users_own_line(folder: Path) -> None:
    diagnostic = fault(lambda: small(folder, "def build():\n    torch.zeros(2).reshape(3)\n"))
    assert diagnostic.code.id == "M104" and diagnostic.span is not None
    assert "RuntimeError: shape '[3]' is invalid" in diagnostic.message
    assert (Path(diagnostic.span.file).name, diagnostic.span.line) == ("small.py", 4)
    assert diagnostic.span.source == "torch.zeros(2).reshape(3)"


@pytest.mark.parametrize(
    ("body", "name"),
    [("import no_such_thing", "ModuleNotFoundError"), ("def build(:", "SyntaxError"), ("exit(3)", "SystemExit")],
)
def test_a_file_that_cannot_be_imported_shows_its_line(folder: Path, body: str, name: str) -> None:
    diagnostic = fault(lambda: small(folder, body))
    assert diagnostic.code.id == "M104" and name in diagnostic.message
    assert diagnostic.span is not None and diagnostic.span.line == 3


def test_wrong_arguments_are_told_from_a_failing_factory(folder: Path) -> None:
    diagnostic = fault(lambda: export(folder, widht=8))
    assert (diagnostic.code.id, diagnostic.help) == ("M105", "did you mean width?")
    assert fault(lambda: export(folder, "blocks.py:Block")).code.id == "M105"
    assert fault(lambda: export(folder, width="wide")).code.id == "M104"


def test_a_factory_must_return_a_module(folder: Path) -> None:
    diagnostic = fault(lambda: small(folder, "def build():\n    return nn.ReLU(), 3"))
    assert diagnostic.code.id == "M106" and "returns a tuple" in diagnostic.message


def test_a_missing_checkpoint_is_named(folder: Path) -> None:
    assert fault(lambda: export(folder, checkpoint=folder / "no.pt")).code.id == "M107"


class NotTensors:
    """Something that weights_only does not load."""


@pytest.mark.parametrize("content", [NotTensors(), [1, 2], {"epoch": 3}, {"model": {"a": "b"}}])
def test_a_checkpoint_of_anything_but_tensors_is_refused(folder: Path, content: object) -> None:
    torch.save(content, folder / "odd.pt")
    assert fault(lambda: export(folder, checkpoint=folder / "odd.pt")).code.id == "M108"


def test_a_file_that_is_no_checkpoint_is_refused(folder: Path) -> None:
    (folder / "odd.pt").write_bytes(b"nothing")
    assert fault(lambda: export(folder, checkpoint=folder / "odd.pt")).code.id == "M108"


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
def test_a_checkpoint_is_loaded_plain_or_wrapped(folder: Path, key: str | None) -> None:
    held = {name: value + 1 for name, value in state(export(folder)).items() if "." in name and name[0] in "slf"}
    torch.save(held if key is None else {key: held}, folder / "net.pt")
    loaded = state(export(folder, checkpoint=folder / "net.pt"))
    assert all(torch.equal(loaded[name], value) for name, value in held.items())


def test_a_checkpoint_that_does_not_fit_names_the_keys(folder: Path) -> None:
    held = state(export(folder))
    held["fc.weihgt"] = held.pop("fc.weight")
    torch.save(held, folder / "net.pt")
    diagnostic = fault(lambda: export(folder, checkpoint=folder / "net.pt"))
    assert diagnostic.code.id == "M109" and "lacks fc.weight" in diagnostic.message
    assert "holds the unknown fc.weihgt" in diagnostic.message
    assert diagnostic.help is not None and "nearest to fc.weight is fc.weihgt" in diagnostic.help


def test_a_checkpoint_of_another_width_names_the_shapes(folder: Path) -> None:
    torch.save(state(export(folder, width=4)), folder / "net.pt")
    diagnostic = fault(lambda: export(folder, checkpoint=folder / "net.pt"))
    assert diagnostic.code.id == "M109"
    assert "fc.weight has the shape [2, 4], the module's has [2, 8]" in diagnostic.message


def test_an_input_of_the_wrong_shape_names_the_layer(folder: Path) -> None:
    diagnostic = fault(lambda: export_factory("net.py:build", folder, {}, None, {"images": (1, 4, 12, 12)}, 3))
    assert (diagnostic.code.id, diagnostic.layer) == ("M110", "stem.conv")
    assert "images [1, 4, 12, 12]" in diagnostic.message


def test_an_operator_without_onnx_counterpart_is_named_with_its_layer(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = """
        class Spectrum(nn.Module):
            def forward(self, x):
                return torch.fft.fft2(x).real

        def build():
            return nn.Sequential(nn.ReLU(), Spectrum())
    """
    diagnostic = fault(lambda: small(folder, body))
    assert (diagnostic.code.id, diagnostic.layer) == ("M111", "1")
    assert "aten::fft_fft2" in diagnostic.message
    assert capfd.readouterr() == ("", "")


def test_outputs_that_are_no_tensors_are_refused(folder: Path) -> None:
    body = """
        class Net(nn.Module):
            def forward(self, x):
                return x, None

        build = Net
    """
    assert fault(lambda: small(folder, body)).code.id == "M111"


def test_a_norm_that_always_trains_is_refused(folder: Path) -> None:
    body = """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = nn.BatchNorm2d(3, track_running_stats=False)

            def forward(self, x):
                return self.norm(x)

        build = Net
    """
    diagnostic = fault(lambda: small(folder, body))
    assert (diagnostic.code.id, diagnostic.layer) == ("M111", "norm")


@pytest.mark.parametrize("names", [("a", "b"), ("images",), ()])
def test_output_names_must_fit_the_outputs(folder: Path, names: tuple[str, ...]) -> None:
    body = f"def build():\n    net = nn.ReLU()\n    net.output_names = {names!r}\n    return net"
    assert fault(lambda: small(folder, body)).code.id == "M112"
