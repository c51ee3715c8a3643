"""Swap backbones of timm in and compare with its own: `python -m tests.benchmarks.timm_backbones OUT.json [NAME ...]`.

Needs timm in PYTHONPATH; tests/benchmarks/peers.py says how. Each backbone is swapped into a ResNet-50 classifier, the
drone recipe's small network and the quickstart detector. `error` is how far the stages of the swapped network are from
what timm's module puts out for the same image and weights, relative to the range of a map; the weights go through a
state dictionary, as a user's own would.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from compiler.analysis.cost import cost
from compiler.contracts import Context, Log
from compiler.diagnostic import CompressError
from compiler.frontends.compare import relative_error
from compiler.frontends.onnx_file import load_model, load_onnx
from compiler.frontends.timm_backbone import Backbones
from compiler.inputs import random_sample
from compiler.ir import Array, Program, model_bytes, refresh_types, verify
from compiler.reference import Session
from passes.backbone_swap import BackboneSwap
from passes.backbones.swapping import Swapped, image
from tests.benchmarks.peers import randomise, torchvision_models
from tests.support.real_networks import with_weights
from tests.support.steps import target

RECIPES = Path(__file__).parents[2] / "recipes"
NAMES = (
    "resnet18", "mobilenetv3_large_100", "efficientnet_lite0", "ghostnet_100", "convnext_atto", "repvgg_a0",
    "regnetx_002", "edgenext_xx_small", "tf_efficientnet_lite0", "mobileone_s0", "hardcorenas_a", "fbnetc_100",
)  # fmt: skip
ON = "host"


def main() -> None:
    """Swap, compare and print a line for each pair."""
    torchvision_models()
    networks = {
        "resnet50": load_model(with_weights("resnet50"), {}, "resnet50").program,
        "drone pose": load_onnx(RECIPES / "drone-gesture" / "pose.onnx", {}).program,
        "quickstart": load_onnx(RECIPES / "quickstart" / "detector.onnx", {}).program,
    }
    lines: list[Mapping[str, object]] = []
    for name in sys.argv[2:] or NAMES:
        for title, program in networks.items():
            line = {"backbone": name, "network": title, **_swapped(program, name)}
            print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
            lines.append(line)
    Path(sys.argv[1]).write_text(json.dumps(lines, indent=1) + "\n", "utf-8")


def _swapped(program: Program, name: str) -> Mapping[str, object]:
    """Swap with the weights of a module of random statistics, and compare."""
    place = image(program)
    shape = program.shape(place or "")
    assert place is not None and shape is not None
    try:
        whole, stages = _modules(name, shape)
        todo = BackboneSwap.model_validate({"to": f"timm:{name}", "weights": "w.pth"})
        context = Context(
            target(ON), np.random.default_rng(0), backbones=Backbones(0, None).make, tensors=lambda _: whole
        )
        if refusals := list(todo.check(program, context.target)):
            raise CompressError(*refusals)
        decision, twin = todo.decide(program, context), program.clone()
        todo.rewrite(twin, decision, Log())
    except CompressError as error:
        return {"refused": error.diagnostics[0].message, "help": error.diagnostics[0].help}
    refresh_types(twin)
    assert not verify(twin), verify(twin)
    old, new = (cost(each, target(ON).cost) for each in (program, twin))
    return {
        "stages": [hang.stage + 1 for hang in decision.hangs.values()],
        "channels": [hang.channels[1] for hang in decision.hangs.values()],
        "error": f"{_error(twin, decision, stages, place):.1e}",
        "parameters": [old.parameters, new.parameters],
        "predicted_ms": [round(old.predicted_ms, 2), round(new.predicted_ms, 2)],
    }


def _modules(name: str, shape: tuple[int, ...]) -> tuple[Mapping[str, Array], Any]:
    """Build timm's whole network, give its parameters values of their own, and its stages with the same ones."""
    import timm  # pyright: ignore[reportMissingImports] - an extra that CI does not install
    import torch

    torch.manual_seed(0)
    build: Any = cast(Any, timm).create_model
    whole = build(name, pretrained=False).eval()
    randomise(whole, torch.randn(2, *shape[1:]))
    state = {key: value.numpy() for key, value in whole.state_dict().items()}
    stages = build(name, pretrained=False, features_only=True).eval()
    flat = {key.replace(".", "_", 1): value for key, value in whole.state_dict().items()}
    own = {**flat, **whole.state_dict()}
    stages.load_state_dict({key: own[key.removeprefix("model.")] for key in stages.state_dict()})
    return state, stages


def _error(program: Program, decision: Swapped, stages: Any, place: str) -> float:
    """Compare the stages that the swap uses."""
    import torch

    feeds = random_sample(program, np.random.default_rng(1))
    with torch.no_grad():
        expected = [value.numpy() for value in stages(torch.from_numpy(feeds[place]))]
    names = [_end(program, decision.source, hang.stage) for hang in decision.hangs.values()]
    found = Session(model_bytes(program, tuple(names)), is_optimised=False).run(feeds)
    pairs = zip(decision.hangs.values(), names, strict=True)
    return max(relative_error(expected[hang.stage], found[name]) for hang, name in pairs)


def _end(program: Program, source: Program, stage: int) -> str:
    """Find the tensor of the swapped network that is a stage's end."""
    made = source.producer(source.outputs[stage])
    assert made is not None
    return program.op(f"backbone.{made.name}").outputs[0]


if __name__ == "__main__":
    main()
