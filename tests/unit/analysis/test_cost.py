"""Parameters, multiply-accumulates and milliseconds follow their formulas."""

from pathlib import Path

import pytest

from compiler.analysis.cost import PRECISION_KEY, LayerCost, cost, count_parameters, layer_costs, macs
from compiler.ir import Program, parse_program
from compiler.target import ClassCost, CostModel
from tests.support.steps import apply

FOLDER = Path(__file__).parent
FLAT = CostModel(
    classes={
        "conv": ClassCost(floor_ms=1, ms_per_gmac={"fp32": 1e6, "fp16": 5e5}),
        "depthwise": ClassCost(floor_ms=2, ms_per_gmac={"fp32": 0}),
        "grouped": ClassCost(floor_ms=3, ms_per_gmac={"fp32": 0}),
        "deconv": ClassCost(floor_ms=4, ms_per_gmac={"fp32": 1e6}),
        "gemm": ClassCost(floor_ms=5, ms_per_gmac={"fp32": 0}),
        "other": ClassCost(floor_ms=6),
    },
    bandwidth_gbps=1e6,
    source="a test",
)
LAYERS = """
g (float[1,4,6,6] x) => (float[1,3] y)
   <float[4,4,3,3] w, float[4] b, float[4,1,3,3] d, float[4,2,1,1] g1, float[4,2,2,2] t, float[3,32] f,
    float[4] s, float[4] v>
{
   [conv] a = Conv <pads = [1, 1, 1, 1]> (x, w, b)
   [norm] n = BatchNormalization (a, s, s, s, v)
   [relu] r = Relu (n)
   [depthwise] c = Conv <group = 4> (r, d)
   [grouped] h = Conv <group = 2> (c, g1)
   [deconv] e = ConvTranspose <strides = [2, 2]> (h, t)
   [pool] p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (e)
   [flat] q = Flatten (p)
   [fc] y = Gemm <transB = 1> (q, f)
}
"""


def network() -> Program:
    return parse_program(LAYERS)


def by_layer(program: Program, model: CostModel = FLAT) -> dict[str, LayerCost]:
    return {layer.layer: layer for layer in layer_costs(program, model)}


def test_multiply_accumulates_are_counted_per_output() -> None:
    program = network()
    assert {op.name: count for op in program.each() if (count := macs(program, op))} == {
        "conv": 4 * 36 * 36,
        "depthwise": 4 * 16 * 9,
        "grouped": 4 * 16 * 2,
        "deconv": 4 * 16 * 2 * 4,
        "fc": 3 * 32,
    }


def test_each_layer_has_its_class_and_its_floor() -> None:
    layers = by_layer(network())
    assert {name: layer.kind for name, layer in layers.items()} == {
        "conv": "conv", "norm": "fused", "relu": "fused", "depthwise": "depthwise", "grouped": "grouped",
        "deconv": "deconv", "pool": "other", "flat": "fused", "fc": "gemm",
    }  # fmt: skip
    assert layers["depthwise"].predicted_ms == 2
    assert layers["pool"].predicted_ms == 6
    assert layers["relu"].predicted_ms == 0
    assert layers["grouped"].bound == "launch"


def test_large_layers_are_bound_by_compute_and_half_precision_halves_that() -> None:
    program = network()
    assert by_layer(program)["conv"].predicted_ms == pytest.approx(5.184)
    assert by_layer(program)["conv"].bound == "compute"
    program.set_metadata(PRECISION_KEY, "fp16")
    assert by_layer(program)["conv"].predicted_ms == pytest.approx(2.592)


def test_a_slow_memory_bounds_what_moves_much() -> None:
    slow = FLAT.model_copy(update={"bandwidth_gbps": 1e-6})
    layer = by_layer(network(), slow)["pool"]
    assert layer.bound == "memory"
    assert layer.predicted_ms == pytest.approx(4 * (2 * 64 + 2 * 16))


def test_inserting_zeros_multiplies_the_work_of_a_strided_deconvolution() -> None:
    zeros = FLAT.model_copy(update={"zero_insertion": True})
    program = network()
    op = program.op("deconv")
    assert by_layer(program, zeros)["deconv"].executed_macs == 4 * macs(program, op)
    program.set_attribute(op, "kernel_shape", [2, 2])
    assert by_layer(program, zeros)["deconv"].executed_macs == macs(program, op)


def test_a_normalisation_that_will_fold_counts_as_the_bias_that_it_becomes() -> None:
    program = network()
    folded = apply("fold-batchnorm", program).program
    assert count_parameters(program) == count_parameters(folded)
    without = parse_program(LAYERS.replace("(x, w, b)", "(x, w)").replace("float[4] b, ", ""))
    assert count_parameters(without) == count_parameters(apply("fold-batchnorm", without).program)


def test_settings_such_as_scales_and_bounds_are_no_parameters() -> None:
    program = parse_program("""
    g (float[1,2,4,4] x) => (float[1,2,8,8] y) <float[4] s = {1, 1, 2, 2}, float low = {0}, float[2,1,1] k>
    { a = Mul (x, k)  b = Clip (a, low)  y = Resize (b, , s) }
    """)
    assert count_parameters(program) == (2, 8)


def test_the_whole_is_the_sum_of_its_layers() -> None:
    program = network()
    whole, layers = cost(program, FLAT), layer_costs(program, FLAT)
    assert whole.predicted_ms == sum(layer.predicted_ms for layer in layers)
    assert whole.macs == sum(layer.macs for layer in layers)
    assert (whole.parameters, whole.bytes) == count_parameters(program)
