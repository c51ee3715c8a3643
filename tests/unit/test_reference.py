"""Running a network again and again, into the same arrays."""

import numpy as np

from compiler.ir import model_bytes, parse_program
from compiler.reference import Session

# What the second output holds is known only when it runs; the third is no 32-bit float.
NETWORK = """
g (float[1,6] x) => (float[1,6] y, int64[2,n] z, bool[1,6] p) <float zero = {0}>
{
   [relu] y = Relu (x)
   [places] z = NonZero (y)
   [sign] p = Greater (x, zero)
}
"""
IMAGES = [np.array([row], np.float32) for row in ([1, -1, 2, 3, -4, 5], [-1, -1, 2, -3, -4, -5], [1, 2, 3, 4, 5, 6])]


def test_a_second_run_computes_what_a_first_one_would() -> None:
    model = model_bytes(parse_program(NETWORK))
    again = Session(model)
    for image in IMAGES:
        wanted, found = Session(model).run({"x": image}), again.rerun({"x": image})
        assert wanted.keys() == found.keys()
        for name, value in wanted.items():
            assert value.dtype == found[name].dtype
            assert value.tolist() == found[name].tolist()


def test_floats_of_known_shape_stay_in_one_array() -> None:
    session = Session(model_bytes(parse_program(NETWORK)))
    session.rerun({"x": IMAGES[0]})
    first = session.rerun({"x": IMAGES[1]})["y"]
    second = session.rerun({"x": IMAGES[2]})["y"]
    assert first is second


def test_an_input_need_not_lie_row_by_row() -> None:
    session = Session(model_bytes(parse_program(NETWORK)))
    turned = np.asfortranarray(np.arange(-6, 6, dtype=np.float32).reshape(2, 6))[1:]
    for _ in range(3):
        assert session.rerun({"x": turned})["y"].tolist() == [[0, 1, 2, 3, 4, 5]]


def test_halves_at_the_borders_are_met_with_32_bit_floats() -> None:
    program = parse_program("g (float16[1,2] x) => (float16[1,2] y) { [relu] y = Relu (x) }")
    session = Session(model_bytes(program))
    for _ in range(2):
        found = session.rerun({"x": np.array([[-1, 0.5]], np.float32)})["y"]
        assert (found.dtype, found.tolist()) == (np.float32, [[0, 0.5]])
