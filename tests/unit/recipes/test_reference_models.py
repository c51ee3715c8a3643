"""The reference networks have exactly the published number of parameters and multiply-accumulates."""

import importlib.util
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

MODELS = Path(__file__).parents[3] / "recipes" / "models"


def build(name: str, **args: int) -> nn.Module:
    spec = importlib.util.spec_from_file_location(f"reference_{name}", MODELS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast(nn.Module, module.build(**args)).eval()


def outputs_and_macs(model: nn.Module, *shape: int) -> tuple[list[tuple[int, ...]], int]:
    """Run on meta tensors, where shapes are worked out and nothing is computed."""
    macs = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            # Each weight meets each output position once; for a transposed convolution, each input position.
            positions = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
            macs += module.weight.numel() * positions.shape[2] * positions.shape[3]

    model = model.to("meta")
    for module in model.modules():
        module.register_forward_hook(cast(Any, count))
    result = cast(Tensor | tuple[Tensor, ...], model(torch.empty(*shape, device="meta")))
    tensors = (result,) if isinstance(result, Tensor) else result
    return [tuple(tensor.shape) for tensor in tensors], macs


def elements(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.fixture(scope="module")
def one_class() -> nn.Module:
    return build("yolov7_tiny", num_classes=1)


def test_yolov7_tiny_has_the_published_parameters(one_class: nn.Module) -> None:
    convs = [module for module in one_class.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in one_class.modules() if isinstance(module, nn.BatchNorm2d)]
    detect = [conv for conv in convs if conv.bias is not None]
    weights = sum(conv.weight.numel() for conv in convs if conv.bias is None)
    assert (len(norms), len(convs) - len(detect), weights) == (55, 55, 5_983_072)
    assert [conv.out_channels for conv in detect] == [18, 18, 18]
    assert [conv.in_channels for conv in detect] == [128, 256, 512]
    assert sum(elements(norm) for norm in norms) == 14_784
    assert elements(one_class) == 6_014_038
    assert elements(one_class) - 14_784 // 2 == 6_006_646  # folded: one bias for each channel


@pytest.mark.parametrize(
    ("classes", "size", "macs"),
    [(1, 640, 6.510592e9), (1, 416, 2.750725e9), (80, 640, 6.850355e9), (80, 416, 2.894275e9)],
)
def test_yolov7_tiny_has_the_published_macs(classes: int, size: int, macs: float) -> None:
    shapes, found = outputs_and_macs(build("yolov7_tiny", num_classes=classes), 1, 3, size, size)
    channels = 3 * (5 + classes)
    assert shapes == [(1, channels, size // stride, size // stride) for stride in (8, 16, 32)]
    assert found == pytest.approx(macs, abs=500)


def test_yolov7_tiny_counts_80_classes() -> None:
    model = build("yolov7_tiny")
    assert elements(model) == 6_227_101


@pytest.mark.parametrize(("joints", "parameters"), [(16, 33_999_440), (17, 33_999_697)])
def test_pose_resnet_has_the_published_parameters(joints: int, parameters: int) -> None:
    with torch.device("meta"):
        assert elements(build("pose_resnet", num_joints=joints)) == parameters


def test_pose_resnet_has_the_published_macs() -> None:
    with torch.device("meta"):
        model = build("pose_resnet")
    shapes, macs = outputs_and_macs(model, 1, 3, 256, 256)
    assert shapes == [(1, 16, 64, 64)]
    assert macs == pytest.approx(7.2341e9, abs=5e4)


def test_the_same_call_gives_the_same_weights(one_class: nn.Module) -> None:
    torch.manual_seed(1)
    again = build("yolov7_tiny", num_classes=1)
    found = one_class.state_dict()
    assert all(torch.equal(found[name], value) for name, value in again.state_dict().items())


def test_the_untrained_maps_neither_vanish_nor_explode(one_class: nn.Module) -> None:
    with torch.no_grad():
        maps = one_class(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert all(0.1 < float(m.std()) < 100 for m in maps)
