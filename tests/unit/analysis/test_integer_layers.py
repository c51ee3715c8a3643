"""Layers count in what the runtime computes them in, and conversions that it runs count as layers."""

import pytest

from compiler.analysis.calibration import Sample, calibrated, scaled
from compiler.analysis.cost import LayerCost, cost, layer_costs
from compiler.analysis.prediction import predictions
from compiler.ir import Program, parse_program
from compiler.target import CostModel
from tests.support.steps import apply, target

BLOCK = """
g (float[1,8,16,16] x) => (float[1,8,16,16] y) <float[8,8,3,3] w>
{
   [first] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
   [act] b = LeakyRelu (a)
   [second] c = Conv <pads: ints = [1, 1, 1, 1]> (b, w)
   [sum] d = Add (c, b)
   [relu] r = Relu (d)
   [pool] p = MaxPool <kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]> (r)
   [last] y = Conv <pads: ints = [1, 1, 1, 1]> (p, w)
}
"""
BYTES = 8 * 16 * 16
WEIGHTS = 8 * 8 * 9


def integers(on: str, text: str = BLOCK) -> Program:
    return apply("ptq", parse_program(text), {"correct_bias": False}, on=on).program


def rows(program: Program, model: CostModel) -> dict[str, LayerCost]:
    return {row.layer: row for row in layer_costs(program, model)}


def precisions(found: dict[str, LayerCost]) -> dict[str, str]:
    return {name: found[name].precision for name in ("first", "act", "second", "sum", "relu", "pool", "last")}


def test_on_the_rk3399_a_leaky_relu_between_integers_runs_in_floats_with_two_conversions() -> None:
    found = rows(integers("rk3399"), target("rk3399").cost.under("opencl"))
    assert precisions(found) == dict.fromkeys(precisions(found), "int8") | {"act": "fp32"}
    counted = {name: row for name, row in found.items() if "quantize" in name and row.kind != "fused"}
    assert sorted(counted) == ["a_dequantize", "b_quantize", "x_quantize", "y_dequantize"]
    assert [row.bytes // BYTES for row in counted.values()] == [5, 5, 5, 5]
    assert found["act"].kind == "other"
    assert found["act"].bytes == 8 * BYTES
    assert found["first"].bytes == 2 * BYTES + WEIGHTS


def test_tensorrts_float_kernels_read_and_write_integers_themselves() -> None:
    found = rows(integers("orin-nano"), target("orin-nano").cost)
    assert precisions(found) == dict.fromkeys(precisions(found), "int8") | {"act": "fp32"}
    assert [name for name, row in found.items() if "uantize" in name and row.kind != "fused"] == ["x_quantize"]
    assert found["first"].bytes == BYTES + WEIGHTS + 4 * BYTES
    assert found["act"].bytes == 4 * BYTES + BYTES


def test_what_stays_in_floats_follows_the_precision_that_is_asked_of_the_builder() -> None:
    program = integers("orin-nano")
    program.set_metadata("compress.precision", "fp16")
    found = rows(program, target("orin-nano").cost)
    assert (found["first"].precision, found["act"].precision) == ("int8", "fp16")
    assert found["first"].bytes == BYTES + WEIGHTS + 2 * BYTES


def test_a_target_without_integers_runs_every_layer_in_floats_and_every_conversion() -> None:
    program = integers("rk3399")
    found = rows(program, target("tx2").cost)
    assert {row.precision for row in found.values()} == {"fp32"}
    assert found["b_quantize"].kind == found["b_dequantize"].kind == "other"


@pytest.mark.parametrize("on", ["rk3399", "orin-nano", "host"])
def test_the_cost_of_the_whole_is_what_ptq_predicts(on: str) -> None:
    applied = apply("ptq", parse_program(BLOCK), on=on)
    assert applied.decision is not None
    said = applied.decision.model_dump()["predicted_ms"]
    assert said["integers"] == pytest.approx(cost(applied.program, target(on).cost).predicted_ms, rel=1e-4)
    assert said["float"] == pytest.approx(cost(parse_program(BLOCK), target(on).cost).predicted_ms, rel=1e-4)


def test_integers_on_the_processor_are_faster_by_what_another_library_gains_without_an_error_band() -> None:
    text = BLOCK.replace("LeakyRelu", "Relu").replace("8,16,16", "8,128,128")
    model = target("rk3399").cost.under("neon")
    before, after = cost(parse_program(text), model), cost(integers("rk3399", text), model)
    assert 1.1 < before.predicted_ms / after.predicted_ms < 1.31 / 0.9
    assert all(said.low is None for said in predictions(integers("rk3399", text), target("rk3399").cost))
    assert all(said.low is not None for said in predictions(parse_program(text), target("rk3399").cost))


def test_times_of_integer_networks_give_calibrated_predictions_a_band() -> None:
    samples = [
        Sample(integers("rk3399", BLOCK.replace("16,16", f"{size},{size}")), 0.1 * size) for size in (16, 32, 64)
    ]
    model = calibrated(target("rk3399").cost.under("neon"), samples, "a test")
    assert model.error is not None and model.error.with_integers
    assert predictions(samples[0].program, model)[0].low is not None


def test_a_calibrated_model_scales_the_speeds_of_classes_too() -> None:
    program, model = integers("host"), target("host").cost
    twice = scaled(model, 2, 2)
    assert cost(program, twice).predicted_ms == pytest.approx(2 * cost(program, model).predicted_ms)
