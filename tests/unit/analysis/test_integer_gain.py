"""What integers gain, what islands cost, and what is said of both."""

import numpy as np
import pytest

from compiler.analysis.quantization import Gain, find_layout, foretold
from compiler.ir import parse_program
from tests.support.steps import apply, target

ISLAND = """
g (float[1,8,16,16] x) => (float[1,8,16,16] y) <float[8,8,1,1] w>
{
   [first] a = Conv (x, w)
   [odd] b = LeakyRelu (a)
   [last] y = Conv (b, w)
}
"""


def said(gain: Gain, floats: dict[str, str] | None = None) -> list[tuple[str, str]]:
    return [(item.code.id, item.message) for item in foretold(("a", "b"), floats or {}, gain)]


def test_conversions_that_take_half_of_the_gain_are_a_warning() -> None:
    (_, found) = said(Gain(100.0, 90.0, {"act": 10.0, "more": 2.0}))
    assert found[0] == "P082"
    assert found[1] == (
        "layers in floating point between integers and the conversions around them are predicted to add 12 ms "
        "(2 layers, act most); without them integers would save 22 of 100 ms"
    )
    assert len(said(Gain(100.0, 60.0, {"act": 10.0}))) == 1


def test_islands_that_make_up_most_of_a_loss_are_a_warning_too() -> None:
    (_, found) = said(Gain(50.0, 51.0, {"act": 0.8}))
    assert found == (
        "P082",
        "layers in floating point between integers and the conversions around them are predicted to add 0.8 ms "
        "(1 layer, act most); without them the network would take 50.2 ms, 50 in floats",
    )


def test_no_gain_at_all_is_said_without_blaming_conversions() -> None:
    assert said(Gain(50.0, 50.5, {"act": 0.1}))[1:] == [
        ("P083", "integers are predicted to take 50.5 ms where floating point takes 50")
    ]


def test_layers_in_float_are_grouped_by_their_reasons() -> None:
    floats = {f"act{i}": "Elu has no integer kernel on this target" for i in range(5)} | {"end": "the recipe says so"}
    ((code, message),) = said(Gain(100.0, 50.0, {}), floats)
    assert code == "P081"
    assert message == (
        "2 layers will compute in 8-bit integers, and 6 stay in floating point: act0, act1, act2 and 2 more "
        "(Elu has no integer kernel on this target); end (the recipe says so)"
    )


def test_transposed_convolutions_in_float_are_better_split_first() -> None:
    floats = {"up": "ConvTranspose has no integer kernel on this target", "act": "Elu has no integer kernel"}
    (found,) = foretold(("conv",), floats, Gain(100.0, 50.0, {}))
    assert "`deconv-split` before `ptq`" in (found.help or "")
    before = parse_program("""
    g (float[1,8,16,16] x) => (float[1,8,32,32] y) <float[8,8,4,4] w, float[8,8,3,3] v>
    {
       [conv] a = Conv <pads: ints = [1, 1, 1, 1]> (x, v)
       [up] y = ConvTranspose <strides: ints = [2, 2], pads: ints = [1, 1, 1, 1]> (a, w)
    }
    """)
    applied = apply("ptq", before, on="host")
    assert "deconv-split" in (applied.log.forecasts[0].help or "")
    split = apply("deconv-split", before, {"min_gain": -0.9}, on="host")
    assert split.is_changed
    (said, *_) = apply("ptq", split.program, on="host").log.forecasts
    assert "floating point" not in said.message


def test_only_the_commonest_reasons_are_told() -> None:
    floats = {
        f"{kind}{i}": f"{kind} has no integer kernel"
        for kind, n in zip("abcde", range(1, 6), strict=True)
        for i in range(n)
    }
    ((_, message),) = said(Gain(100.0, 50.0, {}), floats)
    assert message.count("no integer kernel") == 3
    assert message.endswith("c0, c1, c2 (c has no integer kernel); and 3 for other reasons")


def test_an_island_costs_its_two_conversions_and_itself_by_the_bytes_that_they_move() -> None:
    applied = apply("ptq", parse_program(ISLAND), on="rk3399")
    assert applied.decision is not None
    found = applied.decision.model_dump()["islands_ms"]
    assert found == {"odd": pytest.approx((5 + 8 + 5) * 8 * 16 * 16 / 7.9e6, rel=1e-3)}


def test_lint_foresees_what_a_build_will_do() -> None:
    real = apply("ptq", parse_program(ISLAND), on="rk3399").log.forecasts
    assert real == apply("ptq", parse_program(ISLAND), on="rk3399", is_stand_in=True).log.forecasts
    assert [item.code.id for item in real] == ["P081", "P082"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('y = Resize <mode: string = "linear"> (a, , k)', "mode linear rounds halves up"),
        ('y = Pad <mode: string = "reflect"> (a, p)', "padding by reflection comes out wrong"),
        ("y = Pad (a, p, v)", "something else than zeros"),
        ("y = ReduceMean <axes: ints = [2]> (a)", "are rounded twice"),
        ("y = AveragePool <kernel_shape: ints = [2, 2]> (a)", "means over windows cut fractions off"),
        ("y = Concat <axis: int = 1> (a, c)", "one of its parts is a constant"),
        ("y = Sub (v, a)", "smaller than its result"),
        ("g = Sigmoid (a) y = Concat <axis: int = 1> (g, a)", "fixed by its kernel"),
    ],
)
def test_forms_that_the_board_computes_otherwise_stay_in_float(body: str, reason: str) -> None:
    stored = "float[4] k = {1, 1, 2, 2}, int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}, float v = {0.5}, float[1,8,16,16] c"
    program = parse_program(f"""g (float[1,8,16,16] x) => (float y) <float[8,8,1,1] w, {stored}> {{
        [first] a = Conv (x, w) {body}
    }}""")
    scheme = target("rk3399").precisions["int8"].scheme
    assert scheme is not None
    layout = find_layout(program, scheme, {op.name for op in program.each()}, set(), {})
    assert "first" in layout.layers
    (why,) = layout.floats.values()
    assert reason in why


def test_a_result_too_fine_for_the_kernels_factor_gets_a_wider_scale() -> None:
    program = parse_program("""g (float[1,1,4,4] x) => (float y) <float[1,2,1,1] w = {300.0, -300.1}> {
        [both] c = Concat <axis: int = 1> (x, x)
        [difference] y = Conv (c, w)
    }""")
    applied = apply("ptq", program, {"calibrate": "minmax", "correct_bias": False}, on="rk3399")
    assert applied.decision is not None
    decision = applied.decision.model_dump()
    scales = {name: scale for name, (scale, _) in decision["grids"].items()}
    assert decision["widened"] == {"difference": pytest.approx(300.1 * 2 / 255 / 0.1, rel=0.02)}
    assert scales["c"] * (600.1 / 255) / scales["y"] == pytest.approx(0.9999, rel=1e-4)


def test_a_layer_whose_result_has_to_share_its_inputs_scale_stays_in_float_when_its_weights_are_large() -> None:
    program = parse_program("""g (float[1,2,4,4] x) => (float y) <float[2,2,1,1] w, float[2,2,1,1] u> {
        [first] a = Conv (x, u)
        [large] b = Conv (a, w)
        [join] y = Concat <axis: int = 1> (a, b)
    }""")
    weight = np.array([[300, -300], [1, 2]], np.float32).reshape(2, 2, 1, 1)
    program.give_const(program.op("large"), 1, weight)
    applied = apply("ptq", program, {"equalize": False}, on="rk3399")
    (skip,) = applied.log.skipped
    assert skip.layer == "large"
    assert skip.why == "its sums would have to be multiplied by 2.35, and kernels take less than 1"
