"""The profiles' latency models are the fitted ones, and are as far off as they say."""

import json
from typing import Any, cast

import numpy as np
import pytest

from compiler.analysis.cost import PRECISION_KEY, cost, layer_costs
from compiler.analysis.prediction import predictions
from compiler.ir import Program, TensorType, parse_program
from compiler.target import CostModel
from tests.benchmarks.latency.fit import summary
from tests.benchmarks.latency.papers import STEPS, pose_networks
from tests.benchmarks.latency.points import FOLDER, network, points
from tests.benchmarks.latency.setups import SETUPS, Setup
from tests.support.steps import apply, target

FITTED: dict[str, Any] = json.loads((FOLDER / "fitted.json").read_text("utf-8"))
NAMES = [f"{setup.board}.{setup.name}" for setup in SETUPS]


def model_of(setup: Setup) -> CostModel:
    chosen = target(setup.board).cost
    return chosen.under(setup.name) if setup.name in chosen.others else chosen


@pytest.mark.parametrize("setup", SETUPS, ids=NAMES)
def test_a_profile_holds_the_coefficients_that_the_fit_found(setup: Setup) -> None:
    found, fitted = model_of(setup).model_dump(mode="json"), FITTED[f"{setup.board}.{setup.name}"]["model"]
    for name, row in fitted["classes"].items():
        own = cast("dict[str, Any]", found["classes"][name])
        assert {key: own[key] for key in row} == row
    assert found["error"].pop("with_integers") is False
    assert {key: found[key] for key in fitted if key != "classes"} == {
        key: value for key, value in fitted.items() if key != "classes"
    }


@pytest.mark.parametrize("setup", SETUPS, ids=NAMES)
def test_held_out_times_are_as_far_off_as_the_profile_says(setup: Setup) -> None:
    scales, chosen = FITTED[f"{setup.board}.{setup.name}"]["scales"], model_of(setup)
    off: list[float] = []
    for point in points(setup.board, setup.name):
        if setup.is_held_out(point):
            program = network(point.network, point.size)
            program.set_metadata(PRECISION_KEY, point.precision)
            off.append(cost(program, chosen).predicted_ms * scales.get(point.series, 1.0) / point.ms - 1)
    said = chosen.error
    assert said is not None
    assert (said.points, summary(np.array(off))) == (len(off), {"median": said.median, "p90": said.p90})
    assert said.median <= setup.most[0] and said.p90 <= setup.most[1]


def joined(axis: int) -> Program:
    inputs, whole = (1, 4, 8, 8), [1, 4, 8, 8]
    whole[axis] *= 2
    program = Program("joined", {"": 13})
    for name in ("a", "b"):
        program.add_input(name, TensorType(np.dtype(np.float32), inputs))
    program.add("Concat", ["a", "b"], ["y"], {"axis": axis}, name="join")
    program.set_type("y", TensorType(np.dtype(np.float32), tuple(whole)))
    program.add_output("y")
    return program


def test_joining_channels_is_free_where_the_runtime_writes_in_place_and_rows_are_copied() -> None:
    kinds = {
        (name, axis): layer_costs(joined(axis), target(name).cost)[0] for name in ("tx2", "rk3399") for axis in (1, 3)
    }
    assert [kinds[key].kind for key in (("tx2", 1), ("tx2", 3), ("rk3399", 1), ("rk3399", 3))] == [
        "fused",
        "copy",
        "copy",
        "copy",
    ]
    assert kinds["tx2", 3].bound == "memory"
    assert kinds["tx2", 3].predicted_ms == pytest.approx(4 * 1024 / 59.7e6)


def test_convolutions_take_the_rate_of_their_window() -> None:
    program = parse_program("""
    g (float[1,3,16,16] x) => (float[1,8,7,7] y)
       <float[8,3,3,3] s, float[8,8,3,3] w, float[8,8,1,1] p, float[8,1,3,3] d, float[8,8,3,3] t>
    {
       [stem] a = Conv <pads = [1, 1, 1, 1]> (x, s)
       [plain] b = Conv <pads = [1, 1, 1, 1]> (a, w)
       [one] c = Conv (b, p)
       [each] e = Conv <group = 8, pads = [1, 1, 1, 1]> (c, d)
       [stride] y = Conv <strides = [2, 2]> (e, t)
    }
    """)
    rated = {layer.layer: layer.rated for layer in layer_costs(program, target("rk3399").cost.under("opencl"))}
    assert rated == {"stem": "stem", "plain": "conv3x3", "one": "pointwise", "each": "depthwise", "stride": "conv"}
    assert {layer.rated for layer in layer_costs(program, target("tx2").cost)} == {"conv", "depthwise"}


def test_what_integers_do_not_fold_on_the_host_is_a_layer_that_moves_bytes_at_its_own_speed() -> None:
    program = parse_program("""
    g (float[1,3,64,64] x) => (float[1,8,64,64] y) <float[8,3,3,3] w, float[8,8,1,1] v>
    { [stem] a = Conv <pads = [1, 1, 1, 1]> (x, w) [one] b = Conv (a, v) [sum] s = Add (a, b) [last] y = Conv (s, v) }
    """)
    model = target("host").cost
    floats = {row.layer: row for row in layer_costs(program, model)}
    assert (floats["sum"].kind, floats["sum"].predicted_ms) == ("fused", 0)
    done = apply("ptq", program, {"calibrate": "minmax"}, on="host").program
    rows = {row.layer: row for row in layer_costs(done, model)}
    added = rows["sum"]
    assert (rows["stem"].rated, added.kind, added.precision) == ("stem", "other", "int8")
    rates = model.classes["other"]
    assert added.predicted_ms == pytest.approx(rates.launch_ms + added.bytes / rates.gbps["int8"] / 1e6)


def test_a_prediction_says_between_which_times_nine_of_ten_measurements_fall() -> None:
    program = network("squeezenet-1.1", 224)
    whole, engine = predictions(program, target("tx2").cost)
    assert (whole.setup, engine.setup) == (None, "engine")
    assert engine.low is not None and engine.high is not None
    error = target("tx2").cost.under("engine").error
    assert error is not None
    assert (engine.low, engine.high) == (engine.ms / (1 + error.p90), engine.ms / (1 - error.p90))
    for name in ("orin-nano", "xavier-nx"):
        unsure = predictions(program, target(name).cost)[0]
        assert (unsure.low, unsure.high, unsure.held_out) == (None, None, None)


def test_the_guidelines_four_times_are_met_within_three_percent() -> None:
    for step, program in pose_networks().items():
        assert cost(program, target("rk3399").cost).predicted_ms == pytest.approx(STEPS[step], rel=0.03)
