"""Real networks compute through torch what ONNX Runtime computes, in batches too."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from compiler.frontends.onnx_file import load_model, load_onnx
from compiler.frontends.torch_factory import export_factory
from compiler.ir import Array, Program, model_bytes
from compiler.lowering import lower, lowered, write_back
from compiler.lowering.dtypes import to_array, to_tensor
from compiler.reference import Session
from tests.support.large import chain, ladder
from tests.support.real_networks import SMALL, with_weights
from tests.support.running import distance, feeds_for
from tests.support.steps import apply

RECIPES = Path(__file__).parents[2] / "recipes"
TOLERANCE = 1e-5


def from_wheel(name: str) -> Callable[[], Program]:
    return lambda: load_model(with_weights(name), {}, name).program


def from_torch(file: str, size: int, name: str, **arguments: int) -> Callable[[], Program]:
    inputs = {name: (1, 3, size, size)}

    def make() -> Program:
        model = export_factory(f"{file}.py:build", RECIPES / "models", dict(arguments), None, inputs, 7)
        return load_model(model, inputs, file).program

    return make


NETWORKS: dict[str, Callable[[], Program]] = {
    "quickstart": lambda: load_onnx(RECIPES / "quickstart" / "detector.onnx", {}).program,
    "yolov7-tiny": from_torch("yolov7_tiny", 128, "images", num_classes=1),
    "pose-resnet": from_torch("pose_resnet", 128, "images"),
    **{name: from_wheel(name) for name in SMALL},
}


def values(made: dict[str, torch.Tensor]) -> dict[str, Array]:
    return {name: to_array(value) for name, value in made.items()}


def logits(program: Program) -> tuple[str, ...]:
    """Name what the last Softmax reads, since its own output may be all zeros and ones."""
    return tuple(op.x for op in program.each() if op.op_type == "Softmax")


@cache
def network(name: str) -> Program:
    return NETWORKS[name]()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_what_onnx_runtime_computes(name: str) -> None:
    program = network(name)
    extra = logits(program)
    module = lower(program, extra=extra).eval()
    feeds = feeds_for(program)
    images = [to_tensor(feeds[name]) for name in lowered(module).inputs]
    expected = Session(model_bytes(program, extra), is_optimised=False).run(feeds)
    several = [torch.cat([image, image.flip(-1), image * 0.5]) for image in images]
    with torch.no_grad():
        assert distance(expected, values(module(*images))) < TOLERANCE
        together = module(*several)
        alone = [module(*(image[place : place + 1] for image in several)) for place in range(3)]
    singles = {key: torch.cat([made[key] for made in alone]) for key in together}
    assert distance(values(singles), values(together)) < TOLERANCE


@pytest.mark.parametrize("name", ["quickstart", "yolov7-tiny", "pose-resnet"])
def test_a_pruned_network_trains_and_takes_its_values_back(name: str) -> None:
    program = apply("level-prune", network(name), {"level": 0.5}).program
    module = lower(program).train()
    image = to_tensor(next(iter(feeds_for(program).values())))
    images = torch.cat([image, image.flip(-1), image.flip(-2), image * 0.5])
    optimiser = torch.optim.Adam(module.parameters(), 1e-3)
    losses: list[float] = []
    for _ in range(3):
        loss = torch.stack([(value - 1).square().mean() for value in module(images).values()]).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(value.grad is not None for value in module.parameters())
    assert write_back(module, program) != ()
    feeds = {name: np.ascontiguousarray(images[1:2].numpy()) for name in program.inputs}
    with torch.no_grad():
        made = values(module.eval()(images[1:2]))
    assert distance(Session(model_bytes(program), is_optimised=False).run(feeds), made) < TOLERANCE


@pytest.mark.parametrize("make", [chain, ladder])
def test_five_thousand_nodes_train(make: Callable[[int], Program]) -> None:
    program = make(5000)
    module = lower(program).train()
    module(torch.ones(2, 4, 2, 2))["y"].sum().backward()
    assert next(module.parameters()).grad is not None
    assert write_back(module, program) == ()
