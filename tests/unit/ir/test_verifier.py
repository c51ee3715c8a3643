"""The verifier finds what a pass could break."""

import numpy as np
import pytest

from compiler.ir import Program, TensorType, parse_program, refresh_types, verify

FLOAT = np.dtype(np.float32)


def started() -> Program:
    program = Program("small", {"": 13})
    program.add_input("x", TensorType(FLOAT, (1, 2, 4, 4)))
    return program


def test_reading_what_nothing_computes_is_named() -> None:
    program = started()
    program.add("Relu", ["ghost"], ["y"], name="relu")
    program.add_output("y")
    assert verify(program) == ["relu (Relu) reads ghost, which nothing computes"]


def test_an_output_that_nothing_computes_is_named() -> None:
    program = started()
    program.add_output("ghost")
    program.add("Relu", ["x"], ["y"], name="relu")
    assert verify(program) == ["the graph puts out ghost, which nothing computes"]


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [("Concat", {}), ("Relu", {"axis": 1}), ("NoSuchOperator", {}), ("MaxPool", {"kernel_shape": "wide"})],
)
def test_a_malformed_node_is_refused(op_type: str, attributes: dict[str, object]) -> None:
    program = started()
    program.add(op_type, ["x"], ["y"], attributes, name="node")
    program.add_output("y")
    assert len(verify(program)) == 1


def test_shapes_that_do_not_fit_are_refused() -> None:
    program = parse_program("g (float[1,2,4,4] x) => (y) <float[3,2,1,1] w> { [conv] y = Conv (x, w) }")
    program.give_const(program.op("conv"), 1, np.zeros((3, 2, 9, 9), np.float32))
    program.give_const(program.op("conv"), 2, np.zeros((3, 3), np.float32))
    assert verify(program) != []


def test_an_output_whose_shape_changed_is_refused() -> None:
    program = parse_program("g (float[1,2,4,4] x) => (y) <float[3,2,1,1] w> { [conv] y = Conv (x, w) }")
    program.give_const(program.op("conv"), 1, np.zeros((2, 2, 1, 1), np.float32))
    assert verify(program) == ["output y was float32[1,3,4,4] and would become float32[1,2,4,4]"]


def test_an_output_of_unknown_rank_is_sound_and_keeps_the_shape_that_the_model_states() -> None:
    text = "g (float[1,2] x, int64[2] n) => ({}) {{ [reshape] y = Reshape (x, n) }}"
    for declared in ("y", "float[2,1] y"):
        program = parse_program(text.format(declared))
        assert verify(program) == []
    refresh_types(program)
    assert str(program.type("y")) == "float32[2,1]"


def test_an_input_or_a_constant_that_is_an_output_too_keeps_the_shapes_of_its_readers() -> None:
    program = parse_program("g (float[1,2,4,4] x) => (x, w, y) <float[3,2,1,1] w> { [conv] y = Conv (x, w) }")
    assert verify(program) == []
    assert str(program.type("y")) == "float32[1,3,4,4]"
