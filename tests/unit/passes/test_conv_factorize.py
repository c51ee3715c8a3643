"""Factorised convolutions: exact at full rank, closest below it, chosen by time, error and images."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from compiler.analysis.low_rank import spectrum
from compiler.contracts import Context, Log, Sample
from compiler.diagnostic import CompressError
from compiler.ir import Program, TensorType, parse_program, refresh_types, verify
from compiler.rewrites.factorize_conv import Scheme, factorize, parts, unfold, unfolded_shape
from compiler.rewrites.try_factorize import convolutions, output_errors, unfit
from passes.conv_factorize import ConvFactorize
from passes.decisions.factorized import Factorized
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import target

FLOAT = np.dtype(np.float32)
NETWORK = """
g (float[1,3,64,64] x) => (float[1,8,64,64] y)
   <float[96,3,3,3] s, float[96,96,3,3] w, float[96] b, float[96,48,5,5] v, float[8,48,1,1] h>
{
   [stem] a = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [2, 2]> (x, s)
   [act] r = Relu (a)
   [body] c = Conv <pads: ints = [1, 1, 1, 1]> (r, w, b)
   [up] d = ConvTranspose <pads: ints = [2, 2, 2, 2], output_padding: ints = [1, 1], strides: ints = [2, 2]> (c, v)
   [head] y = Conv (d, h)
}
"""


@st.composite
def layers(draw: st.DrawFn) -> Program:
    """Draw a network of one convolution of either kind, all geometry free."""
    group, kernel = draw(st.sampled_from([1, 1, 2])), draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    ins, outs = group * draw(st.integers(1, 4)), group * draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    is_conv = draw(st.booleans())
    shape = (outs, ins // group, *kernel) if is_conv else (ins, outs // group, *kernel)
    program = Program("drawn", {"": 13})
    program.add_input("x", TensorType(FLOAT, (1, ins, 9, 8)))
    inputs = ["x", program.add_constant("w", rng.normal(0, 1, shape).astype(FLOAT))]
    if draw(st.booleans()):
        inputs.append(program.add_constant("b", rng.normal(0, 1, outs).astype(FLOAT)))
    strides = draw(st.lists(st.integers(1, 2), min_size=2, max_size=2))
    attributes: dict[str, object] = {"group": group, "strides": strides}
    attributes["pads"] = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
    attributes["dilations"] = draw(st.lists(st.integers(1, 2), min_size=2, max_size=2))
    if not is_conv and 2 in strides:
        attributes["output_padding"] = [stride - 1 for stride in strides]
    program.add("Conv" if is_conv else "ConvTranspose", inputs, ["y"], attributes, name="c")
    program.add_output("y")
    refresh_types(program)
    return program


@pytest.mark.parametrize("scheme", ["channel", "kernel-channel", "kernel"])
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(program=layers())
def test_full_rank_reproduces_any_layer_to_rounding(scheme: Scheme, program: Program) -> None:
    op = convolutions(program)[0]
    weight = program.const(op.w)
    assert weight is not None
    if unfit(program, op, scheme, 1) is not None:
        return
    matrices = unfold(op, weight, scheme)
    assert matrices.shape == unfolded_shape(op, weight.shape, scheme)
    strong = spectrum(matrices)
    twin = program.clone()
    factorize(twin, convolutions(twin)[0], *parts(op, weight, scheme, strong.factors(strong.full_rank)))
    refresh_types(twin)
    assert verify(twin) == []
    assert distance(outputs_of(program), outputs_of(twin)) < ROUNDING


@pytest.mark.parametrize("shape", [(1, 6, 20), (3, 20, 6), (4, 5, 5)])
def test_truncated_factors_are_the_closest_of_their_rank(shape: tuple[int, ...]) -> None:
    matrices = np.random.default_rng(0).normal(size=shape)
    strong = spectrum(matrices)
    singular = np.linalg.svd(matrices, compute_uv=False)
    for rank in range(1, strong.full_rank + 1):
        left, right = strong.factors(rank)
        gap = np.linalg.norm(matrices - left @ right) / np.linalg.norm(matrices)
        best = np.sqrt(np.square(singular[:, rank:]).sum() / np.square(singular).sum())
        assert gap == pytest.approx(best, abs=1e-7)
        assert strong.error(rank) == pytest.approx(best, abs=1e-7)
        assert strong.rank_for(1 - best**2) == rank


def test_the_rank_for_an_energy_is_the_smallest_that_holds_it() -> None:
    strong = spectrum(np.diag([3.0, 2.0, 1.0])[None])
    assert [strong.rank_for(share) for share in (0.5, 9 / 14, 0.65, 13 / 14, 1.0)] == [1, 1, 2, 2, 3]


def stream() -> Iterator[Sample]:
    """Yield smooth images: their neighbouring pixels, and so the channels, go together."""
    rng = np.random.default_rng(3)
    for _ in range(4):
        coarse = rng.normal(0, 1, (1, 3, 8, 8)).astype(np.float32)
        yield {"x": coarse.repeat(8, axis=2).repeat(8, axis=3)}


def context(*, is_stand_in: bool = False, images: bool = False) -> Context:
    """Make a board that starts layers for nothing, so that small ones gain."""
    calibration = stream if images else None
    board = target("rk3399")
    classes = {
        name: entry.model_copy(update={"floor_ms": 0.0, "launch_ms": 0.0}) for name, entry in board.cost.classes.items()
    }
    small = board.cost.model_copy(update={"classes": classes})
    tuned = board.model_copy(update={"cost": small})
    return Context(tuned, np.random.default_rng(0), calibration, is_stand_in=is_stand_in)


def decided(options: Mapping[str, object], given: Context) -> tuple[ConvFactorize, Program, Factorized]:
    todo, program = ConvFactorize.model_validate(options), parse_program(NETWORK)
    return todo, program, todo.decide(program, given)


def test_fitting_to_outputs_beats_fitting_to_weights_on_the_images() -> None:
    errors: dict[str, float] = {}
    for fit in ("weights", "outputs"):
        _, _, decision = decided({"rank": 24, "fit": fit, "only": ["body"]}, context(images=True))
        found = decision.factored["body"].output_error
        assert found is not None
        errors[fit] = found
    assert errors["outputs"] < 0.5 * errors["weights"]


def test_a_measured_error_is_that_of_the_layer_in_the_network() -> None:
    todo, program, decision = decided({"rank": 24, "only": ["body"]}, context(images=True))
    twin = program.clone()
    todo.rewrite(twin, decision, Log())
    both = [p.clone() for p in (program, twin)]
    for one in both:
        one.add_output("c")
        refresh_types(one)
    gaps = [[outputs_of(one, sample)["c"].astype(np.float64) for one in both] for sample in stream()]
    expected = np.sqrt(sum(np.square(a - b).sum() for a, b in gaps) / sum(np.square(a).sum() for a, _ in gaps))
    assert decision.factored["body"].output_error == pytest.approx(expected, rel=1e-3)


def test_a_decision_read_from_a_report_gives_the_same_network() -> None:
    todo, program, decision = decided({"ratio": 0.3}, context())
    assert decision.factored.keys() >= {"body", "up"}
    again = Factorized.model_validate(decision.model_dump(mode="json"))
    twins = [program.clone(), program.clone()]
    for twin, made in zip(twins, (decision, again), strict=True):
        todo.rewrite(twin, made, Log())
        refresh_types(twin)
    assert distance(outputs_of(twins[0]), outputs_of(twins[1])) == 0


def test_a_fit_to_images_is_not_replayed_without_them() -> None:
    todo, program, decision = decided({"rank": 16, "fit": "outputs"}, context(images=True))
    again = Factorized.model_validate(decision.model_dump(mode="json"))
    with pytest.raises(CompressError, match="was fitted to images"):
        todo.rewrite(program, again, Log())


def test_a_fit_to_images_needs_images() -> None:
    with pytest.raises(CompressError, match="needs calibration images"):
        decided({"rank": 16, "fit": "outputs"}, context())


@pytest.mark.parametrize("options", [{"rank": 24}, {"ratio": 0.4}, {"scheme": "kernel-channel", "only": ["body"]}])
def test_lint_sees_the_shapes_that_a_build_makes(options: dict[str, object]) -> None:
    shapes: list[dict[str, object]] = []
    for is_stand_in in (True, False):
        todo, program, decision = decided(options, context(is_stand_in=is_stand_in))
        todo.rewrite(program, decision, Log())
        refresh_types(program)
        assert decision.factored
        shapes.append({tensor: program.type(tensor) for op in program.each() for tensor in (*op.inputs, op.y)})
    assert shapes[0] == shapes[1]


def test_an_error_bound_alone_chooses_the_smallest_rank_within_it() -> None:
    _, program, decision = decided({"max_error": 0.7, "min_gain": 0}, context())
    found = decision.factored["body"]
    op = next(op for op in convolutions(program) if op.name == "body")
    weight = program.const(op.w)
    assert weight is not None
    strong = spectrum(unfold(op, weight, "channel"))
    assert strong.error(found.rank) <= 0.7 < strong.error(found.rank - 1)


def test_a_layer_beyond_the_error_bound_stays() -> None:
    _, _, decision = decided({"rank": 24, "max_error": 0.1, "only": ["body"]}, context())
    assert not decision.factored
    assert "more than 0.1" in decision.left["body"]


def test_the_costliest_layers_go_first_until_the_target_is_met() -> None:
    _, program, decision = decided({"rank": 16}, context())
    gains = {name: item.ms_before - item.ms_after for name, item in decision.factored.items()}
    assert list(gains) == ["up", "body"]
    before = sum(item.ms_before for item in decision.factored.values())
    assert len(program) == 5
    goal = before - gains["up"] / 2
    _, _, fewer = decided({"rank": 16, "target_ms": goal}, context())
    assert list(fewer.factored) == ["up"]
    assert "meet the target" in fewer.left["body"]


@pytest.mark.parametrize(
    "options", [{"rank": 8, "ratio": 0.5}, {"preset": "guideline", "energy": 0.9}, {"scheme": "kernel", "groups": 2}]
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"choose the rank|belong to the scheme"):
        ConvFactorize.model_validate(options)


def test_output_errors_are_pooled_over_samples() -> None:
    todo, program, decision = decided({"rank": 24, "only": ["body"]}, replace(context(), calibration=stream))
    assert decision.factored["body"].output_error is not None
    op = next(op for op in convolutions(program) if op.name == "body")
    weight = program.const(op.w)
    assert weight is not None
    strong = spectrum(unfold(op, weight, "channel"))
    full = {"body": parts(op, weight, "channel", strong.factors(strong.full_rank))}
    assert output_errors(program, full, stream())["body"] < 1e-5
    assert todo.rank == 24
