"""What a masked channel still carries: pushed through operators as ONNX Runtime does, and made up for by readers."""

from itertools import product

import numpy as np
import pytest

from compiler.analysis.channels.rest import COMBINING, REDUCING, UNARY, after, combined, reduced
from compiler.ir import Array, Program, parse_program, refresh_types
from passes.decisions.kept import Kept
from tests.support.masking import masked
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import apply

NUMBERS = np.array([-1.5, -0.5, 0.0, 0.25, 1.0, 2.5])
BITS = ("And", "Or", "Xor", "Not")
ATTRIBUTES = {"Cast": {"to": 7}, "Mod": {"fmod": 1}}
OPSETS = {"Gelu": 20, "HardSwish": 14, "Mish": 18}
OPERANDS = {"Clip": 3, "Where": 3}


def computed(op_type: str, count: int) -> tuple[Program, list[Array]]:
    """Make a program of one operator, and the rows of numbers that it reads."""
    rows = [np.roll(NUMBERS, shift) for shift in range(count)]
    if op_type == "Clip":
        rows = [NUMBERS, np.full(6, -0.5), np.full(6, 1.0)]
    elif op_type == "PRelu":
        rows[1] = np.full(6, 0.25)
    program = Program("one", {"": OPSETS.get(op_type, 13)})
    names: list[str] = []
    for index, row in enumerate(rows):
        is_bit = op_type in BITS or (op_type == "Where" and index == 0)
        value = row != 0 if is_bit else row.astype(np.float32)
        value = value[:1].reshape(()) if op_type == "Clip" and index else value
        names.append(program.add_constant(f"c{index}", value))
    program.add(op_type, names, ["y"], dict(ATTRIBUTES.get(op_type, {})), name="op")
    program.add_output("y")
    refresh_types(program)
    return program, [(row != 0).astype(float) if op_type in BITS else row for row in rows]


@pytest.mark.parametrize("op_type", [*UNARY, *COMBINING])
def test_numbers_go_through_an_operator_as_in_onnx_runtime(op_type: str) -> None:
    program, rows = computed(op_type, 1 if op_type in UNARY else OPERANDS.get(op_type, 2))
    found = after(program.op("op"), rows[0]) if op_type in UNARY else combined(program.op("op"), rows)
    expected = outputs_of(program)["y"].astype(np.float64)
    expected[~np.isfinite(expected)] = np.nan
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("op_type", REDUCING)
def test_numbers_go_through_a_reduction_as_in_onnx_runtime(op_type: str) -> None:
    program = Program("one", {"": 13})
    value = program.add_constant("c", np.full((3, 4), 0.5, np.float32))
    axes = [program.add_constant("a", np.array([1]))] if op_type == "ReduceSum" else []
    program.add(op_type, [value, *axes], ["y"], {} if axes else {"axes": [1]}, name="op")
    program.add_output("y")
    refresh_types(program)
    assert np.allclose(reduced(op_type, np.array([0.5]), 4), outputs_of(program)["y"][0])


CARRIERS = {
    "zero": "Relu (a)",
    "half": "Sigmoid (a)",
    "number": "Add (a, k)",
    "weights": "Max (a, m)",
    "swish": "Mul (a, s)",
}
PATHS = {
    "nothing": "Identity (b)",
    "counted padding": "AveragePool <kernel_shape = [2, 2], pads = [1, 1, 0, 0], count_include_pad = 1> (b)",
    "padding left out": "AveragePool <kernel_shape = [2, 2], pads = [1, 1, 0, 0]> (b)",
    "zeros around": "Pad (b, p)",
    "halves around": "Pad (b, p, h)",
    "edges around": 'Pad <mode = "edge"> (b, p)',
    "sums of squares": "ReduceL2 <axes = [2]> (b)",
    "softmax over rows": "Softmax <axis = 3> (b)",
    "beside another": "Concat <axis = 3> (b, a)",
    "two of each": "Resize (b, , r)",
    "map": "Add (b, f)",
}
READERS = {
    "plain": "Conv (c, w)",
    "grouped": "Conv <group = 2> (c, g)",
    "padded": "Conv <pads = [0, 1, 0, 1]> (c, w3)",
    "automatic": 'Conv <auto_pad = "SAME_UPPER"> (c, w3)',
    "transposed": "ConvTranspose (c, v)",
    "depthwise": "Conv <group = 4, pads = [0, 1, 0, 1]> (c, d)",
    "norm": "BatchNormalization (c, n, n, n, n)",
}


def carrying(carrier: str, path: str, reader: str) -> Program:
    program = parse_program(f"""
    g (float[1,3,4,4] x) => (float[1,2,h,w] y)
       <float[4,3,1,1] w1, float[4] b1, float[2,4,1,1] w, float[2,2,1,1] g, float[2,4,1,3] w3, float[4,2,1,1] v,
        float[4,1,1,3] d, float[4] n, float k = {{3}}, float[4,1,1] m, float[4,4] f,
        int64[8] p = {{0,0,1,0,0,0,0,1}}, float h = {{0.5}}, float[4] r = {{1,1,2,2}}>
    {{
       [conv] a = Conv (x, w1, b1)  [gate] s = Sigmoid (a)  [carrier] b = {CARRIERS[carrier]}
       [path] c = {PATHS[path]}  [reader] e = {READERS[reader]}  [after] y = Relu (e)
    }}
    """)
    refresh_types(program)
    return program


@pytest.mark.parametrize(("carrier", "path", "reader"), list(product(CARRIERS, PATHS, READERS)))
def test_pruning_equals_masking_whatever_a_channel_carries(carrier: str, path: str, reader: str) -> None:
    program = carrying(carrier, path, reader)
    applied = apply("level-prune", program, {"level": 0.5, "channel_multiple": 1})
    assert isinstance(applied.decision, Kept)
    assert distance(outputs_of(masked(program, applied.decision.kept)), outputs_of(applied.program)) < ROUNDING
