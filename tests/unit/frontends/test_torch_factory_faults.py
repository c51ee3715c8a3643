"""Every fault in a factory or a checkpoint is a diagnostic."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from compiler.frontends.torch_factory import export_factory, factory_source
from tests.support.torch_project import export, fault, small, state, torch_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return torch_project(tmp_path)


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


def test_safetensors_are_read_in_half_precision_too(folder: Path) -> None:
    held = {name: (value + 1).half() for name, value in state(export(folder)).items() if value.is_floating_point()}
    whole = {name: value for name, value in state(export(folder)).items() if not value.is_floating_point()}
    (folder / "net.safetensors").write_bytes(save({**held, **whole}))
    loaded = state(export(folder, checkpoint=folder / "net.safetensors"))
    assert all(torch.equal(loaded[name], value.float()) for name, value in held.items())


def test_a_broken_safetensors_file_is_refused(folder: Path) -> None:
    (folder / "odd.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    assert fault(lambda: export(folder, checkpoint=folder / "odd.safetensors")).code.id == "M108"


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
