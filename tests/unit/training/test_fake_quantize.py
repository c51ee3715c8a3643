"""Training for integers: what is rounded, that gradients pass, and that integers lose less afterwards."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from compiler.contracts import Context, Log
from compiler.ir import Program, parse_program, refresh_types
from compiler.registry import load_pass
from compiler.rewrites.quantize_plainly import quantized_plainly
from compiler.training.fake_quantize import FakeTensor, FakeWeight
from compiler.training.network import lower_for_training, lower_student, with_values
from compiler.training.train import train
from tests.support.lessons import Images, lesson, small_network
from tests.support.running import outputs_of
from tests.support.steps import apply, target
from tests.unit.training.test_train import options

SCHEME = target("host").precisions["int8"].scheme
assert SCHEME is not None


def folded() -> Program:
    program = apply("fold-batchnorm", small_network()).program
    refresh_types(program)
    return program


def feeds(count: int = 12) -> list[dict[str, np.ndarray]]:
    return [dict(Images().example(index, np.random.default_rng(0)).feeds) for index in range(count)]


def test_roundings_are_those_of_integers_and_gradients_pass() -> None:
    assert SCHEME is not None
    x = torch.linspace(-1, 3, 50, requires_grad=True)
    y = FakeTensor(SCHEME.activations, is_symmetric=SCHEME.is_symmetric)(x)
    steps = y.detach() / (4 / 255)
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones(50))
    weight = FakeWeight(0)(torch.tensor([[127.0, 1.4], [1270.0, 14.0]]))
    assert torch.allclose(weight, torch.tensor([[127.0, 1.0], [1270.0, 10.0]]))
    assert torch.equal(FakeWeight(None)(torch.zeros(2, 2)), torch.zeros(2, 2))


@pytest.mark.parametrize("board", ["host", "rk3399", "xavier-nx"])
def test_the_rounding_student_is_as_far_off_as_the_quantised_network(board: str) -> None:
    scheme = target(board).precisions["int8"].scheme
    assert scheme is not None
    program = folded()
    (feed,) = feeds(1)
    module = lower_student(program, (), "train", scheme)
    found = module(torch.from_numpy(feed["x"]))
    assert tuple(found) == program.outputs
    plain = lower_for_training(program, (), "train")(torch.from_numpy(feed["x"]))
    expected = outputs_of(quantized_plainly(program, scheme, [feed]), feed)
    for name in program.outputs:
        exact = plain[name].detach().numpy()
        rounded = found[name].detach().numpy()
        alike, wanted = (np.sqrt(np.square(item - exact).mean()) for item in (rounded, expected[name]))
        assert 0.5 * wanted < alike < 2 * wanted
        assert (len(np.unique(rounded)) <= 256) == (board != "xavier-nx" or rounded.size <= 256)


def test_training_for_integers_brings_the_integer_network_nearer_to_its_teacher() -> None:
    assert SCHEME is not None
    source = folded()
    start = shaken_biases(source)
    lesson_here = replace(lesson(source), scheme=SCHEME)
    done = train(start, lesson_here, options(epochs=25, fake_quantize="int8"), 1)
    trained = with_values(start, done.values)
    before, after = (gap(source, quantized_plainly(item, SCHEME, feeds())) for item in (start, trained))
    assert after < 0.5 * before


def test_a_target_without_integers_and_a_network_that_is_not_folded_are_refused() -> None:
    todo = load_pass("finetune").model_validate({"fake_quantize": "int8"})
    assert [item.code.id for item in todo.check(small_network(), target("tx2"))] == ["P006", "P046"]
    assert list(todo.check(folded(), target("host"))) == []


def shaken_biases(program: Program) -> Program:
    twin, rng = program.clone(), np.random.default_rng(3)
    for op in twin.each():
        if op.op_type == "Conv":
            weight = twin.const(op.input(1))
            assert weight is not None
            twin.give_const(op, 1, (weight + rng.normal(0, 0.2 * weight.std(), weight.shape)).astype(np.float32))
    twin.clear_journal()
    return twin


def gap(source: Program, program: Program) -> float:
    pairs = [(outputs_of(source, feed), outputs_of(program, feed)) for feed in feeds()]
    return float(np.mean([np.square(a[n] - b[n]).mean() / a[n].var() for a, b in pairs for n in source.outputs]))


def test_filters_are_evened_out_before_a_training_with_one_scale_for_a_layer() -> None:
    scheme = target("rk3399").precisions["int8"].scheme
    assert scheme is not None
    source = chain()
    start = uneven(source)
    todo = load_pass("finetune").model_validate({"epochs": 1, "fake_quantize": "int8", "device": "cpu"})
    context = Context(target("rk3399"), np.random.default_rng(1), training=lesson(source))
    after = start.clone()
    todo.rewrite(after, todo.decide(start, context), Log())
    lost = [gap(source, quantized_plainly(item, scheme, feeds())) for item in (start, after)]
    assert gap(source, start) == 0
    assert lost[1] < 0.1 * lost[0]


def chain() -> Program:
    program = parse_program("""
    g (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[12,3,3,3] w1, float[12] b1, float[4,12,1,1] w2>
    {
       [conv1] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w1, b1)
       [relu] r = Relu (c)
       [conv2] y = Conv (r, w2)
    }
    """)
    rng = np.random.default_rng(5)
    for name, shape in (("w1", (12, 3, 3, 3)), ("b1", (12,)), ("w2", (4, 12, 1, 1))):
        program.replace_constant(name, rng.normal(0, 0.4, shape).astype(np.float32))
    refresh_types(program)
    program.clear_journal()
    return program


def uneven(program: Program) -> Program:
    """Multiply the filters of the first layer by powers of two, which its reader divides its weights by."""
    twin = program.clone()
    first, second = twin.op("conv1"), twin.op("conv2")
    made, read = twin.const(first.input(1)), twin.const(second.input(1))
    bias = twin.const(first.input(2))
    assert made is not None and read is not None and bias is not None
    factor = np.exp2(np.arange(len(made)) % 12).astype(np.float32)
    twin.give_const(first, 1, made * factor[:, None, None, None])
    twin.give_const(first, 2, bias * factor)
    twin.give_const(second, 1, read / factor[None, :, None, None])
    return twin
