"""Sound ONNX files load, whatever version and habits their exporter has."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import Loaded, load_model, load_onnx
from compiler.ir import Array, to_model, verify
from compiler.reference import Session
from tests.support.running import ROUNDING, distance
from tests.support.small_models import floats, model_of, saved, small_model

FEEDS: dict[str, Array] = {"x": np.random.default_rng(0).normal(0, 1, (1, 3, 8, 8)).astype(np.float32)}
NEWEST = onnx.defs.onnx_opset_version()


def outputs(model: onnx.ModelProto) -> dict[str, Array]:
    return Session(model.SerializeToString(), is_optimised=False).run(FEEDS)


def loaded(model: onnx.ModelProto, inputs: dict[str, tuple[int, ...]] | None = None) -> Loaded:
    """Load a copy of a model, and insist that it computes what the original did."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    found = load_model(copy, inputs or {}, "model.onnx")
    assert verify(found.program) == []
    assert distance(outputs(model), outputs(to_model(found.program))) < ROUNDING
    return found


@pytest.mark.parametrize("opset", range(7, min(NEWEST, 23) + 1))
def test_every_opset_since_7_is_read(opset: int) -> None:
    found = loaded(small_model(opset))
    assert found.program.opset == max(opset, 13)
    assert found.findings == ()
    assert [op.name for op in found.program.each()] == ["conv", "norm", "relu", "pool", "flatten"]


def test_the_newest_opset_is_read() -> None:
    found = load_model(small_model(NEWEST), {}, "model.onnx")
    assert found.program.opset == NEWEST


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    path = saved(small_model(), tmp_path)
    assert load_onnx(path, {}).program.inputs == ("x",)


def test_weights_that_an_old_file_does_not_list_as_inputs_are_read() -> None:
    model = small_model(9)
    model.ir_version = 3
    found = load_model(model, {}, "model.onnx")
    assert found.program.inputs == ("x",)


def test_weights_that_are_listed_as_inputs_are_constants() -> None:
    model = small_model()
    model.graph.input.append(floats("weight", 4, 3, 3, 3))
    assert loaded(model).program.inputs == ("x",)


def test_nodes_in_any_order_are_sorted() -> None:
    model = small_model()
    nodes = list(model.graph.node)[::-1]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    found = load_model(model, {}, "model.onnx")
    assert [op.name for op in found.program.each()] == ["conv", "norm", "relu", "pool", "flatten"]


def test_a_node_whose_body_reads_a_later_result_is_sorted_behind_it() -> None:
    model = onnx.parser.parse_model("""
    <ir_version: 8, opset_import: ["" : 13]>
    g (float[2] x, bool yes) => (float[2] y)
    {
       [last] y = Relu (chosen)
       [choose] chosen = If (yes) <then_branch = t () => (float[2] p) { p = Neg (late) },
                                   else_branch = e () => (float[2] q) { q = Abs (late) }>
       [maker] late = Exp (x)
    }
    """)
    found = load_model(model, {}, "model.onnx")
    assert [op.name for op in found.program.each()] == ["maker", "choose", "last"]


def test_nameless_and_double_names_become_unique() -> None:
    model = small_model()
    for node, name in zip(model.graph.node, ["", "twice", "twice", "", "Conv_0"], strict=True):
        node.name = name
    names = [op.name for op in load_model(model, {}, "model.onnx").program.each()]
    assert names == ["Conv_0", "twice", "twice_2", "GlobalAveragePool_3", "Conv_0_4"]


def test_a_function_is_replaced_by_its_body() -> None:
    body = [helper.make_node("Relu", ["a"], ["m"]), helper.make_node("Neg", ["m"], ["b"])]
    function = helper.make_function("own", "Flip", ["a"], ["b"], body, [helper.make_opsetid("", 13)])
    nodes = [helper.make_node("Flip", ["x"], ["f"], domain="own"), helper.make_node("GlobalMaxPool", ["f"], ["p"])]
    model = model_of([*nodes, helper.make_node("Flatten", ["p"], ["y"])], {}, functions=[function])
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3
    assert [op.op_type for op in loaded(model).program.each()] == ["Relu", "Neg", "GlobalMaxPool", "Flatten"]


def test_an_open_batch_becomes_one_and_is_noted() -> None:
    model = small_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    found = load_model(model, {}, "model.onnx")
    assert found.program.shape("x") == (1, 3, 8, 8)
    assert [item.code.id for item in found.findings] == ["M013"]


def test_open_sizes_take_the_recipes_shape() -> None:
    model = small_model()
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_param = "size"
    program = load_model(model, {"x": (1, 3, 16, 12)}, "model.onnx").program
    assert program.shape("x") == (1, 3, 16, 12)
    assert program.shape("r") == (1, 4, 14, 10)


def test_shape_arithmetic_is_folded_away() -> None:
    model = small_model()
    model.graph.node[-1].CopyFrom(helper.make_node("Reshape", ["p", "target"], ["y"], name="reshape"))
    model.graph.node.insert(4, helper.make_node("Shape", ["p"], ["sizes"], name="shape"))
    model.graph.node.insert(5, helper.make_node("Gather", ["sizes", "first"], ["target"], name="gather"))
    model.graph.initializer.append(helper.make_tensor("first", TensorProto.INT64, [2], [0, 1]))
    open_batch = onnx.ModelProto()
    open_batch.CopyFrom(model)
    open_batch.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    open_batch.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    for proto in (model, open_batch):
        assert "Shape" not in {op.op_type for op in loaded(proto).program.each()}


def test_shapes_that_contradict_each_other_are_named() -> None:
    model = small_model()
    model.graph.node.insert(3, helper.make_node("Add", ["r", "five"], ["s"], name="clash"))
    model.graph.node[4].input[0] = "s"
    model.graph.initializer.append(helper.make_tensor("five", TensorProto.FLOAT, [5], [0.0] * 5))
    with pytest.raises(CompressError) as caught:
        load_model(model, {}, "model.onnx")
    assert caught.value.diagnostics[0].code.id == "M012"
    assert "clash" in caught.value.diagnostics[0].message
