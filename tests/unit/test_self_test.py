"""The self-test stands on an input whose outputs are determined."""

import numpy as np

from compiler.ir import parse_program
from compiler.self_test import choose_self_test, unsteady_finding

TOLERANCE = 1e-4
CANCELLING = """
g (float[1,1] x) => (float[1,2] y) <float[1,2] w = {1000, -1000}, float[2] b = {-1000, 1000}>
{ [gemm] y = Gemm (x, w, b) }
"""
"""At 1 it finds nothing: what is left of two large numbers is mostly rounding."""


def _inputs(value: float) -> dict[str, np.ndarray]:
    return {"x": np.full((1, 1), value, np.float32)}


def test_an_input_on_which_the_network_finds_something_is_preferred() -> None:
    program = parse_program(CANCELLING)
    empty, full = _inputs(1.0001), _inputs(3)
    test = choose_self_test(program, [empty, full], TOLERANCE)
    assert test.inputs is full
    assert unsteady_finding(test, TOLERANCE) == []


def test_the_first_input_stands_where_it_decides() -> None:
    program = parse_program(CANCELLING)
    first = _inputs(3)
    assert choose_self_test(program, [first, _inputs(4)], TOLERANCE).inputs is first


def test_a_network_that_finds_nothing_anywhere_gets_a_warning() -> None:
    program = parse_program(CANCELLING)
    test = choose_self_test(program, [_inputs(1.0001)], TOLERANCE)
    (found,) = unsteady_finding(test, TOLERANCE)
    assert found.code.id == "P017"
    assert "calibration pictures" in (found.help or "")


def test_what_becomes_integers_at_once_lies_on_their_steps() -> None:
    """Halfway between two of them the board may round the other way, and a deep network makes much of it."""
    program = parse_program("""
    g (float[1,4] x) => (float[4,1] y) <float s = {0.5}, uint8 z = {3}>
    { [turn] t = Transpose (x)  [to] q = QuantizeLinear (t, s, z)  [back] y = DequantizeLinear (q, s, z) }
    """)
    test = choose_self_test(program, [{"x": np.array([[-9, 0.25, 0.8, 900]], np.float32)}], TOLERANCE)
    assert test.inputs["x"].tolist() == [[-1.5, 0, 1, 126]]
    assert test.inputs["x"].dtype == np.float32
    assert np.array_equal(test.outputs["y"].T, test.inputs["x"])
