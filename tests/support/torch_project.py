"""A small torch project in a folder, and what the tests of the torch frontend do with it."""

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

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.torch_factory import export_factory

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


def torch_project(tmp_path: Path) -> Path:
    """Write the project."""
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
