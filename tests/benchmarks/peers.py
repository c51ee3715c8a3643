"""Networks of torchvision and timm with random weights, written as ONNX files for benchmarks.

Neither library is a dependency. Install them without theirs into a folder of their own and name it in PYTHONPATH:

    pip install --no-deps --target /tmp/peers torchvision==0.28.0 timm==1.0.31 huggingface_hub safetensors
    export PYTHONPATH=/tmp/peers
"""

import contextlib
import importlib
import warnings
from functools import cache
from pathlib import Path
from typing import Any, cast

_OPERATORS = (
    "nms(Tensor a, Tensor b, float c) -> Tensor",
    "qnms(Tensor a, Tensor b, float c) -> Tensor",
    "roi_align(Tensor a, Tensor b, float c, int d, int e, int f, bool g) -> Tensor",
    "roi_pool(Tensor a, Tensor b, float c, int d, int e) -> (Tensor, Tensor)",
    "ps_roi_align(Tensor a, Tensor b, float c, int d, int e, int f) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor a, Tensor b, float c, int d, int e) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor a, Tensor b, Tensor c, Tensor d, Tensor e, "
    "int f, int g, int h, int i, int j, int k, int l, int m, bool n) -> Tensor",
    *(f"_{name}_backward(Tensor a) -> Tensor" for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool")),
    "_deform_conv2d_backward(Tensor a) -> Tensor",
    "_cuda_version() -> int",
)
"""What torchvision's binary part would register; declared, the Python part imports without it."""


@cache
def torchvision_models() -> Any:
    """Import torchvision.models beside a torch that its binary part does not fit."""
    import torch

    library: Any = torch.library.Library("torchvision", "DEF")
    for operator in _OPERATORS:
        with contextlib.suppress(RuntimeError):
            library.define(operator)
    models: Any = importlib.import_module("torchvision.models")
    models.declared_by = library  # a library that is collected takes its operators with it
    return models


def make_network(name: str) -> Any:
    """Build `tv/NAME` of torchvision or NAME of timm, for evaluation, with weights of seed 0."""
    import torch

    torch.manual_seed(0)
    models = torchvision_models()  # timm imports torchvision too
    if not name.startswith("tv/"):
        return importlib.import_module("timm").create_model(name, pretrained=False, exportable=True).eval()
    options = {"init_weights": False} if name in ("tv/googlenet", "tv/inception_v3") else {}
    kind = name.removeprefix("tv/")
    if kind in ("fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"):
        options |= {"weights_backbone": None}
    return models.get_model(kind, weights=None, **options).eval()


def write_network(name: str, side: int, folder: Path) -> None:
    """Write kept.onnx, with every BatchNormalization, and folded.onnx, as a plain export gives it."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    network = make_network(name)
    frames = (16,) if name in ("tv/r2plus1d_18", "tv/r3d_18", "tv/mc3_18", "tv/s3d") else ()
    image = torch.randn(1, 3, *frames, side, side)
    randomise(network, torch.randn(4, 3, *frames, side, side))
    mode = torch.onnx.TrainingMode
    for kind, training, is_folding in (("kept", mode.PRESERVE, False), ("folded", mode.EVAL, True)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cast(Any, torch.onnx).export(
                network,
                (image,),
                str(folder / f"{kind}.onnx"),
                dynamo=False,
                training=training,
                do_constant_folding=is_folding,
                opset_version=13,
                input_names=["x"],
            )


def randomise(network: Any, images: Any) -> None:
    """Give normalisations the statistics of a few images and every vector of parameters values of its own.

    Networks start with scales of 1 or 0 and shifts of 0, which would hide a channel that is taken for another.
    """
    import torch

    norms = [module for module in network.modules() if getattr(module, "running_mean", None) is not None]
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() <= 1 or bool((parameter == parameter.flatten()[0]).all()):
                is_scale = float(parameter.abs().mean()) > 0.5
                parameter.copy_(
                    torch.empty_like(parameter).uniform_(0.6, 1.4) if is_scale else 0.2 * torch.randn_like(parameter)
                )
        for norm in norms:
            norm.train().momentum = None
            norm.reset_running_stats()
        network(images)
        for norm in norms:
            norm.eval()
            norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.4)
            norm.running_var += 1e-3
