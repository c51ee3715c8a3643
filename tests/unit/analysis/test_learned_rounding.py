"""Learned rounding: layers' outputs change less, on other images too, and the integers are those that are stored."""

import numpy as np
import pytest

from compiler.analysis.quantization import learn_rounding, quantized
from compiler.analysis.quantization.weights import weight_grid_of
from compiler.contracts import Context, Log
from compiler.ir import Array, Program, model_bytes, parse_program, refresh_types
from compiler.reference import Session
from compiler.target import QuantScheme
from passes.ptq import Ptq
from tests.support.steps import apply, target

TEXT = """
g (float[1,6,9,9] x) => (float[1,4] y)
   <float[8,6,3,3] w1, float[8,1,3,3] w2, float[8,4,1,1] w3, float[5,8] w4, float[5,4] w5>
{
   [conv] a = Conv <pads: ints = [1, 0, 2, 1], strides: ints = [2, 1]> (x, w1)
   [r1] b = Relu (a)
   [depthwise] c = Conv <group = 8, dilations: ints = [2, 2]> (b, w2)
   [grouped] d = Conv <group = 2> (c, w3)
   [r2] e = Relu (d)
   [pool] p = GlobalAveragePool (e)
   [flat] f = Flatten (p)
   [gemm] h = Gemm <transB = 1> (f, w4)
   [matmul] y = MatMul (h, w5)
}
"""
LAYERS = ("conv", "depthwise", "grouped", "gemm", "matmul")


def network() -> Program:
    program = parse_program(TEXT)
    rng = np.random.default_rng(5)
    for name in ("w1", "w2", "w3", "w4", "w5"):
        shape = program.shape(name)
        assert shape is not None
        program.replace_constant(name, rng.normal(0, 1, shape).astype(np.float32))
    refresh_types(program)
    program.clear_journal()
    return program


def images(first: int, count: int = 40) -> list[dict[str, Array]]:
    """Make images whose channels and neighbours are alike, as those of real ones are."""
    made: list[dict[str, Array]] = []
    for seed in range(first, first + count):
        rng = np.random.default_rng(seed)
        base = rng.normal(0, 1, (1, 1, 9, 9)).cumsum(axis=2).cumsum(axis=3) * 0.2
        made.append({"x": (base + rng.normal(0.3, 0.1, (1, 6, 9, 9))).astype(np.float32)})
    return made


def scheme_of(board: str) -> QuantScheme:
    scheme = target(board).precisions["int8"].scheme
    assert scheme is not None
    return scheme


def coarse(scheme: QuantScheme) -> QuantScheme:
    return scheme.model_copy(update={"per_channel": False})


@pytest.mark.parametrize("board", ["host", "rk3399"])
def test_learned_weights_are_integers_of_the_same_scale(board: str) -> None:
    program, scheme = network(), scheme_of(board)
    found = learn_rounding(program, LAYERS, scheme, lambda: images(0), can_shift=False)
    assert tuple(found) == LAYERS
    for name, learned in found.items():
        op = program.op(name)
        before = program.const(op.input(1))
        assert before is not None
        old, now = weight_grid_of(op, before, scheme), weight_grid_of(op, learned.weight, scheme)
        assert np.allclose(old.scales, now.scales, rtol=1e-6)
        assert old.zero == now.zero
        stored = quantized(learned.weight, now.row(before.ndim), now.zero, scheme.weights).astype(np.float64)
        assert np.allclose((stored - now.zero) * now.row(before.ndim), learned.weight, rtol=1e-5, atol=1e-7)
        assert np.abs(learned.weight - before).max() < 40 * old.scales.max()
        assert learned.learned_error <= learned.nearest_error


def test_outputs_of_a_layer_change_less_on_images_that_were_not_learned_from() -> None:
    program, scheme = network(), scheme_of("host")
    learned = learn_rounding(program, ("conv",), scheme, lambda: images(0), can_shift=False)["conv"].weight
    exact = program.const("w1")
    assert exact is not None
    grid = weight_grid_of(program.op("conv"), exact, scheme)
    row = grid.row(exact.ndim)
    nearest = (quantized(exact, row, grid.zero, scheme.weights) * row).astype(np.float32)
    noise = [_noise(program, weight) for weight in (nearest, learned)]
    assert noise[1] < 0.5 * noise[0]


def test_zeros_stay_zeros() -> None:
    pruned = apply("weight-prune", network(), {"level": 0.5}, on="host").program
    for name, learned in learn_rounding(pruned, LAYERS, scheme_of("host"), lambda: images(0), can_shift=True).items():
        before = pruned.const(pruned.op(name).input(1))
        assert before is not None
        assert (learned.weight[before == 0] == 0).all()


def test_ptq_with_learned_rounding_is_as_quiet_or_quieter_and_says_so() -> None:
    program = network()
    nearest, learned = (apply("ptq", program, {"rounding": how}, on="host") for how in ("nearest", "learned"))
    assert learned.program.outputs == nearest.program.outputs
    decision = getattr(learned.decision, "rounding", {})
    heard = getattr(learned.decision, "rounding_sqnr_db", {})
    assert set(heard) == {"nearest", "learned"}
    is_kept = heard["learned"] > heard["nearest"]
    assert set(decision) == (set(LAYERS) if is_kept else set())
    assert all(later <= before for before, later in decision.values())
    assert ("P084" in {item.code.id for item in learned.log.findings}) == (not is_kept)
    assert "values" not in learned.decision.model_dump() if learned.decision is not None else False


def _noise(program: Program, weight: Array) -> float:
    twin = program.clone()
    twin.replace_constant("w1", weight)
    one, other = (Session(model_bytes(item, ["a"])) for item in (program, twin))
    return float(np.mean([np.square(one.run(feed)["a"] - other.run(feed)["a"]).mean() for feed in images(100)]))


def test_what_was_learned_from_images_unlike_the_others_is_not_kept() -> None:
    program, rng = network(), np.random.default_rng(0)
    flat = [np.full((1, 6, 9, 9), value, np.float32) for value in np.linspace(0.1, 1, 12)]
    others = [rng.normal(0, 1, (1, 6, 9, 9)).astype(np.float32) for _ in range(4)]
    context = Context(target("host"), rng, lambda: ({"x": image} for image in (*others, *flat)))
    todo, log = Ptq(rounding="learned", equalize=False, calibrate="minmax"), Log()
    decision = todo.decide(program, context)
    assert decision.rounding_sqnr_db["learned"] < decision.rounding_sqnr_db["nearest"]
    assert (decision.rounding, decision.values) == ({}, ())
    todo.rewrite(program, decision, log)
    assert [item.code.slug for item in log.findings] == ["nearest-kept"]
