"""A lowered program computes what ONNX Runtime computes, and trains as torch trains."""

import copy
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, fx

from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_model
from compiler.frontends.torch_factory import export_factory
from compiler.ir import Array, Program, parse_program
from compiler.lowering import lower, lowered
from compiler.lowering.dtypes import to_array, to_tensor
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of

MODELS = Path(__file__).parents[3] / "recipes" / "models"
SMALL = """
g (float[1,3,8,8] x) => (float[1,2] y)
   <float[4,3,3,3] w, float[4] s, float[4] t, float[4] m, float[4] v, float[2,4] k, float[2] b>
{
   [conv] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
   [norm] n = BatchNormalization <momentum: float = 0.8> (c, s, t, m, v)
   [relu] r = Relu (n)
   [pool] p = GlobalAveragePool (r)
   [flat] f = Flatten (p)
   [head] y = Gemm <transB: int = 1> (f, k, b)
}
"""


def run(module: fx.GraphModule, feeds: dict[str, Array]) -> dict[str, Array]:
    with torch.no_grad():
        made = module(*(to_tensor(feeds[name]) for name in lowered(module).inputs))
    return {name: to_array(value) for name, value in made.items()}


def batch(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3)) - 0.5


def refusals(text: str, *extra: str) -> list[tuple[str, str | None]]:
    with pytest.raises(CompressError) as caught:
        lower(parse_program(text), extra=extra)
    return [(item.code.id, item.layer) for item in caught.value.diagnostics]


def test_outputs_come_by_their_onnx_names_and_equal_onnx_runtime_s() -> None:
    program = parse_program(SMALL)
    feeds = feeds_for(program)
    assert distance(outputs_of(program, feeds), run(lower(program).eval(), feeds)) < ROUNDING


def test_an_inner_tensor_comes_out_when_asked_for() -> None:
    program = parse_program(SMALL)
    made = run(lower(program, extra=("r", "n", "y")).eval(), feeds_for(program))
    assert list(made) == ["y", "r", "n"]
    assert np.array_equal(made["r"], np.maximum(made["n"], 0))


def test_an_inner_tensor_that_does_not_exist_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(CompressError, match="computes no tensor relu_out"):
        lower(parse_program(SMALL), extra=("relu_out",))
    assert refusals(SMALL, "x") == [("L004", None)]


def test_a_larger_batch_gives_what_its_images_give_one_by_one() -> None:
    module = lower(parse_program(SMALL)).eval()
    images = batch(3, 3, 8, 8)
    together = module(images)["y"]
    assert torch.allclose(together, torch.cat([module(images[i : i + 1])["y"] for i in range(3)]), atol=1e-6)


def test_weights_are_parameters_and_running_statistics_buffers() -> None:
    module = lower(parse_program(SMALL))
    assert {name for name, _ in module.named_parameters()} == {"w", "s", "t", "k", "b"}
    assert {name for name, _ in module.named_buffers()} == {"m", "v"}


def test_batch_normalization_trains_as_torch_does() -> None:
    program = parse_program(SMALL)
    module, images = lower(program, extra=("c", "n")).train(), batch(4, 3, 8, 8)
    made = module(images)
    scale, shift, mean, var = (to_tensor(value) for value in program.consts("s", "t", "m", "v") or ())
    expected = torch.nn.functional.batch_norm(made["c"], mean, var, scale, shift, True, 0.2, 1e-5)
    assert torch.allclose(made["n"], expected, atol=1e-6)
    state = module.state_dict()
    assert torch.allclose(state["m"], mean)
    assert torch.allclose(state["v"], var)


def test_frozen_batch_normalization_keeps_its_statistics_in_training() -> None:
    program = parse_program(SMALL)
    module, images = lower(program, norms="frozen").train(), batch(4, 3, 8, 8)
    trained = module(images)["y"]
    assert torch.equal(trained, module.eval()(images)["y"])
    assert np.array_equal(to_array(module.state_dict()["m"]), np.asarray(program.const("m")))
    assert {name for name, value in module.named_parameters() if not value.requires_grad} == {"s", "t"}


def test_dropout_acts_in_training_only_and_only_when_asked_for() -> None:
    text = """
    g (float[1,64] x) => (float[1,64] y) <float r = {0.5}>
    {
       [drop] y = Dropout (x, r)
    }
    """
    program, image = parse_program(text), batch(1, 64)
    assert torch.equal(lower(program).train()(image)["y"], image)
    active = lower(program, dropout="active")
    assert torch.equal(active.eval()(image)["y"], image)
    dropped = active.train()(image)["y"]
    assert 0 < int((dropped == 0).sum()) < 64


def test_every_layer_without_a_lowering_is_named_and_its_readers_are_not() -> None:
    text = """
    g (float[2,3,4] x) => (float[n,3,4] y, float[2,3,4] z)
    {
       [draw] a = RandomNormalLike (x)
       [after] b = Relu (a)
       [pick] c = NonZero (b)
       [other] z = Bernoulli (x)
       [last] y = Identity (b)
    }
    """
    assert refusals(text) == [("L001", "draw (RandomNormalLike)"), ("L001", "other (Bernoulli)")]


def test_what_steers_an_operator_at_run_time_is_refused() -> None:
    text = """
    g (float[1,4] x, int64[2] s) => (float[n,m] y)
    {
       [bend] y = Reshape (x, s)
    }
    """
    assert refusals(text) == [("L002", "bend (Reshape)")]


def test_a_copy_of_the_module_still_knows_its_program() -> None:
    module = lower(parse_program(SMALL))
    twin = copy.deepcopy(module)
    assert lowered(twin) == lowered(module)
    assert list(twin.state_dict()) == list(module.state_dict())


def native() -> tuple[torch.nn.Module, Program]:
    inputs = {"images": (1, 3, 64, 64)}
    model = export_factory("yolov7_tiny.py:build", MODELS, {"num_classes": 1}, None, inputs, 7)
    network = runpy.run_path(str(MODELS / "yolov7_tiny.py"))["build"](num_classes=1)
    assert isinstance(network, torch.nn.Module)
    return network, load_model(model, inputs, "yolov7-tiny").program


def test_yolov7_tiny_has_the_gradients_of_the_torch_module_that_it_was_exported_from() -> None:
    network, program = native()
    module, images = lower(program).double(), batch(2, 3, 64, 64).double()
    network.double()
    network.load_state_dict(module.state_dict(), strict=False)
    expected = network.train()(images)
    torch.stack([value.square().mean() for value in expected]).sum().backward()
    made = module.train()(images)
    torch.stack([value.square().mean() for value in made.values()]).sum().backward()
    theirs = dict(network.named_parameters())
    ours = dict(module.named_parameters())
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        gradient = theirs[name].grad
        assert value.grad is not None and gradient is not None
        assert torch.allclose(value.grad, gradient, rtol=1e-4, atol=1e-4 * float(gradient.abs().max())), name
    for name, buffer in module.named_buffers():
        assert torch.allclose(buffer, dict(network.named_buffers())[name].to(buffer.dtype), rtol=1e-5), name
