"""Integers in the kit for Arm Compute Library: which layers run on bytes, and the library's arithmetic in ONNX."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.ir import Program, parse_program
from targets.emitters.acl.cpp import write_cpp
from targets.emitters.acl.exact import exact_twin, fixed_point
from targets.emitters.acl.integers import find_bytes
from targets.emitters.acl.translate import refusals, translate
from tests.support.running import feeds_for, outputs_of
from tests.support.steps import apply

SCALES = "float s = {0.01}, float t = {0.02}, float v = {0.005}, uint8 z = {7}, uint8 o = {120}, uint8 p = {130}"
BIAS = "int32[4] b, int32 i = {0}, float k = {0.00005}"
CONV = f"""g (float[1,3,6,6] x) => (float y) <uint8[4,3,3,3] w, {BIAS}, {SCALES}> {{
    [in] q = QuantizeLinear (x, s, z)
    [a] r = DequantizeLinear (q, s, z)
    [b] u = DequantizeLinear (w, v, o)
    [c] c = DequantizeLinear (b, k, i)
    [conv] m = Conv <pads: ints = [1, 1, 1, 1]> (r, u, c)
    [act] n = Relu (m)
    [d] e = QuantizeLinear (n, t, p)
    [out] y = DequantizeLinear (e, t, p)
}}"""


def conv() -> Program:
    program, rng = parse_program(CONV), np.random.default_rng(3)
    program.replace_constant("w", rng.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8))
    program.replace_constant("b", rng.integers(-900, 900, 4).astype(np.int32))
    return program


def calls(program: Program) -> list[str]:
    return write_cpp(translate(program)).calls


def test_a_layer_between_conversions_is_called_with_bytes() -> None:
    assert find_bytes(conv()).layers == {"conv", "act"}
    assert calls(conv()) == [
        "const Tensor t0 = net.input(0, {1, 3, 6, 6});",
        'const Tensor t1 = net.quantize("001 in", t0, bytes({1, 3, 6, 6}, 0.01f, 7));',
        'const Tensor t2 = net.convolution("002 conv", t1, bytes({1, 4, 6, 6}, 0.02f, 130), '
        'Weight("weights/0000.npy", bytes({4, 3, 3, 3}, 0.005f, 120)), Weight("weights/0001.npy", wholes({4})), '
        "Window(1, 1, 1, 1, 1, 1), Activation(Function::relu));",
        'const Tensor t3 = net.dequantize("003 out", t2, {1, 4, 6, 6});',
        "net.output(0, t3, 0.02f);",
    ]


def test_a_layer_whose_result_stays_real_computes_in_floating_point() -> None:
    program = conv()
    program.add_output("n")
    assert find_bytes(program).layers == set()
    assert [text.split("net.")[1].split("(")[0] for text in calls(program)] == [
        "input", "quantize", "dequantize", "convolution", "quantize", "dequantize", "output", "output",
    ]  # fmt: skip


def test_the_twin_computes_sums_products_and_shifts_of_whole_numbers() -> None:
    program = conv()
    feeds = feeds_for(program)
    (found,) = outputs_of(exact_twin(program), feeds).values()
    x = np.clip(np.rint(feeds["x"] / np.float32(0.01)) + 7, 0, 255).astype(np.int64) - 7
    padded = np.pad(x[0], ((0, 0), (1, 1), (1, 1)))
    stored = program.consts("w", "b")
    assert stored is not None
    weight, bias = (value.astype(np.int64) for value in stored)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    sums = np.einsum("chwij,ocij->ohw", windows, weight - 120) + bias[:, None, None]
    multiplier, shift = fixed_point(float(np.float32(0.01) * np.float32(0.005) / np.float32(0.02)))
    steps = np.asarray([_shifted((int(n) * multiplier + 2**30) >> 31, shift) for n in sums.ravel()]).reshape(sums.shape)
    expected = np.float32(0.02) * (np.clip(steps + 130, 130, 255) - 130).astype(np.float32)
    assert np.array_equal(found[0], expected)


def _shifted(value: int, shift: int) -> int:
    """Divide by a power of two, halves away from zero."""
    size = (abs(value) + (1 << shift >> 1)) >> shift
    return size if value >= 0 else -size


@settings(max_examples=200, deadline=None)
@given(factor=st.floats(1e-8, 0.99999))
def test_a_fixed_point_factor_is_31_bits_exact(factor: float) -> None:
    whole, shift = fixed_point(factor)
    assert 2**30 <= whole < 2**31
    assert shift >= 0
    assert whole / 2 ** (31 + shift) == pytest.approx(factor, rel=2**-31)


def test_a_factor_of_one_and_more_is_refused_with_its_figure() -> None:
    program = conv()
    program.replace_constant("v", np.asarray(3, np.float32))
    (found,) = refusals(program)
    assert found.why == "its sums would have to be multiplied by 1.5, and the library takes less than 1"


def test_signed_integers_are_refused_in_words_that_say_what_works() -> None:
    program = conv()
    program.replace_constant("z", np.asarray(7, np.int8))
    assert {found.why for found in refusals(program)} == {
        "it asks for other integers than unsigned ones of 8 bits with one scale and one zero point"
    }


@pytest.mark.parametrize("op", ["Add", "Mul"])
def test_what_repeats_along_rows_comes_second(op: str) -> None:
    text = "g (float[1,8,4,4] x) => (float y) <float[8,8,1,1] w> { [a] c = Conv (x, w) [m] p = GlobalAveragePool (c)"
    program = parse_program(f"{text} [both] y = {op} (p, c) }}")
    made = apply("ptq", program, on="rk3399").program
    (line,) = [call for call in calls(made) if "arithmetic" in call]
    whole, mean = (next(c.split()[2] for c in calls(made) if name in c) for name in ("convolution", "pool_all"))
    assert f"{whole}, {mean}," in line
