"""What a model says is what a program holds, and the other way round."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compiler.ir import Array, Program, digest, from_model, model_bytes, parse_program, refresh_types, to_model, verify
from tests.support.running import distance, outputs_of

STRANGE = [
    "a b",
    "x;rm -rf ~",
    "$(reboot)",
    "ünï/cødé",
    "日本",
    'q"uote',
    "back\\slash",
    "new\nline",
    "-x",
    "0",
    "%s{}",
]
DTYPES = [
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
    TensorProto.INT4,
    TensorProto.FLOAT8E4M3FN,
]


def model_of(nodes: list[onnx.NodeProto], constants: dict[str, Array], opset: int = 13, **more: Any) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], stored, **more)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def read(model: onnx.ModelProto) -> Program:
    onnx.checker.check_model(model)
    program = from_model(model)
    refresh_types(program)
    assert verify(program) == []
    return program


@pytest.mark.parametrize("name", STRANGE)
def test_strange_names_survive(name: str) -> None:
    nodes = [
        helper.make_node("Add", ["x", name], [f"{name}1"], name=name),
        helper.make_node("Relu", [f"{name}1"], ["y"], name=f"{name}2"),
    ]
    program = read(model_of(nodes, {name: np.ones(2, np.float32)}))
    again = from_model(to_model(program))
    refresh_types(again)
    assert [op.name for op in again.each()] == [name, f"{name}2"]
    assert digest(again) == digest(program)
    assert distance(outputs_of(program), outputs_of(again)) == 0


@pytest.mark.parametrize(
    "value", [np.array(0.5, np.float32), np.zeros((0, 2), np.float32), np.ones((1, 1), np.float32)]
)
def test_a_constant_keeps_its_rank(value: Array) -> None:
    program = read(
        model_of([helper.make_node("Add", ["x", "k"], ["s"]), helper.make_node("Relu", ["x"], ["y"])], {"k": value})
    )
    kept = from_model(to_model(program)).const("k")
    assert kept is not None
    assert kept.shape == value.shape


@pytest.mark.parametrize("kind", DTYPES, ids=TensorProto.DataType.Name)
def test_a_constant_keeps_its_element_type(kind: Any) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    tensor = numpy_helper.from_array(np.array([0, 1, 1], dtype), "k")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["k"], ["y"], name="n")],
        "net",
        [],
        [helper.make_tensor_value_info("y", kind, [3])],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    program = read(model)
    written = to_model(program)
    assert written.graph.initializer[0].data_type == kind
    assert digest(from_model(written)) == digest(from_model(model))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("value", numpy_helper.from_array(np.ones(2, np.float32)), np.ones(2, np.float32)),
        ("value_float", 0.5, np.array(0.5, np.float32)),
        ("value_floats", [0.5, 1.0], np.array([0.5, 1.0], np.float32)),
    ],
)
def test_a_constant_node_becomes_a_constant(key: str, value: Any, expected: Array) -> None:
    nodes = [helper.make_node("Constant", [], ["k"], **{key: value}), helper.make_node("Add", ["x", "k"], ["y"])]
    program = read(model_of(nodes, {}))
    found = program.const("k")
    assert found is not None
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert len(program) == 1


def test_a_constant_node_of_integers_is_64_bits_wide() -> None:
    nodes = [helper.make_node("Constant", [], ["k"], value_ints=[2]), helper.make_node("Reshape", ["x", "k"], ["y"])]
    found = read(model_of(nodes, {})).const("k")
    assert found is not None
    assert found.dtype == np.int64


def test_an_initializer_that_is_listed_as_an_input_is_a_constant() -> None:
    model = model_of([helper.make_node("Add", ["x", "k"], ["y"])], {"k": np.ones(2, np.float32)})
    model.graph.input.append(helper.make_tensor_value_info("k", TensorProto.FLOAT, [2]))
    program = read(model)
    assert program.inputs == ("x",)
    assert program.is_constant("k")


def test_a_constant_may_be_an_output() -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["r"])], {"y": np.ones(2, np.float32)})
    program = read(model)
    again = from_model(to_model(program))
    assert again.outputs == ("y",)
    assert again.is_constant("y")


def test_what_only_a_subgraph_reads_is_kept() -> None:
    program = parse_program("""
    g (float[2] x, bool yes) => (float[2] y) <float[2] k, float[2] unread>
    { [c] y = If (yes) <then_branch = t () => (float[2] p) { p = Add (x, k) },
                        else_branch = e () => (float[2] q) { q = Identity (x) }> }
    """)
    assert program.constants == ("k",)
    assert program.op("c").captures == ("x", "k")
    assert [op.name for op in program.readers("k")] == ["c"]
    again = from_model(to_model(program))
    refresh_types(again)
    assert digest(again) == digest(program)


def test_equal_programs_give_equal_bytes_and_metadata_travels() -> None:
    program = parse_program("g (float[2] x) => (float[2] y) <float[2] k> { y = Add (x, k) }")
    program.set_metadata("b", "2")
    program.set_metadata("a", "1")
    assert model_bytes(program) == model_bytes(program.clone())
    assert from_model(to_model(program)).metadata == {"a": "1", "b": "2"}


def test_reading_and_writing_say_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {})
    model.opset_import[0].domain = "ai.onnx"
    to_model(from_model(model))
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(("opset", "oldest"), [(13, 7), (15, 8), (21, 10)])
def test_the_file_format_is_the_oldest_that_carries_the_opset(opset: int, oldest: int) -> None:
    program = read(model_of([helper.make_node("Relu", ["x"], ["y"])], {}, opset))
    assert to_model(program).ir_version == oldest
