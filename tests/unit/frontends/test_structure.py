"""A structure lock gives back the same graph, with weights that take no memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compiler.diagnostic import CompressError
from compiler.frontends.structure import read_structure, stand_in_weights, structure_digest, write_structure

DIGEST = "0" * 64
INPUTS = {"x": (1, 3, 8, 8)}


def model() -> onnx.ModelProto:
    def values(*shape: int) -> np.ndarray:
        return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)

    weights = {
        "conv.weight": values(32, 3, 3, 3),
        "norm.scale": values(32),
        "norm.shift": values(32),
        "norm.mean": values(32),
        "norm.var": values(32),
        "fc.bias": values(4),
        "small": values(16),
        "whole": np.arange(40, dtype=np.int64),
        "half": values(20).astype(np.float16),
    }
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["/odd name/0"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization",
            ["/odd name/0", "norm.scale", "norm.shift", "norm.mean", "norm.var"],
            ["n"],
            'no"rm',
            epsilon=1e-3,
        ),
        helper.make_node("Gemm", ["small", "half", "fc.bias"], ["unused"], "fc"),
        helper.make_node("Constant", [], ["grid"], "grid", value=numpy_helper.from_array(values(1, 32, 8, 8))),
        helper.make_node("Constant", [], ["scales"], "scales", value=numpy_helper.from_array(values(4))),
        helper.make_node("Add", ["n", "grid"], ["s"], "add"),
        helper.make_node("Resize", ["s", "", "scales"], ["y"], "resize", mode="nearest"),
    ]
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 32, 8, 8])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
        value_info=[helper.make_tensor_value_info("n", TensorProto.FLOAT, [1, 32, 8, 8])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def test_the_lock_gives_back_nodes_inputs_and_outputs() -> None:
    before, text = model(), write_structure(model(), DIGEST)
    after, digest = read_structure(text)
    assert digest == DIGEST
    kept = [node for node in before.graph.node if node.name != "grid"]
    assert [(node.name, node.op_type, *node.input, *node.output) for node in after.graph.node] == [
        (node.name, node.op_type, *node.input, *node.output) for node in kept
    ]
    assert list(after.graph.input) == list(before.graph.input)
    assert list(after.graph.output) == list(before.graph.output)
    assert after.opset_import[0].version == 13
    assert after.graph.node[1].attribute[0].f == before.graph.node[1].attribute[0].f


def test_writing_what_was_read_changes_nothing() -> None:
    text = write_structure(model(), DIGEST)
    declared, digest = read_structure(text)
    full = onnx.ModelProto()
    full.CopyFrom(declared)
    full.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in stand_in_weights(declared).items())
    again, _ = read_structure(write_structure(full, digest))
    assert list(again.graph.node) == list(declared.graph.node)
    assert list(again.graph.value_info) == list(declared.graph.value_info)


def test_small_and_integer_values_stay_and_weights_go() -> None:
    found, _ = read_structure(write_structure(model(), DIGEST))
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    assert sorted(kept) == ["small", "whole"]
    np.testing.assert_array_equal(kept["whole"], np.arange(40))
    np.testing.assert_allclose(kept["small"], np.linspace(-1, 1, 16), rtol=1e-6)


def test_stand_ins_have_the_shape_and_type_and_no_memory() -> None:
    weights = stand_in_weights(read_structure(write_structure(model(), DIGEST))[0])
    expected = ["conv.weight", "fc.bias", "grid", "half", "norm.mean", "norm.scale", "norm.shift", "norm.var"]
    assert sorted(weights) == expected
    assert weights["conv.weight"].shape == (32, 3, 3, 3) and weights["half"].dtype == np.float16
    assert all(set(array.strides) == {0} for array in weights.values())
    values = {name: float(array.flat[0]) for name, array in weights.items()}
    assert values["norm.scale"] == values["norm.var"] == 1.0
    assert values["conv.weight"] == pytest.approx(0.01)


def test_a_tensor_that_a_node_makes_needs_no_stand_in() -> None:
    assert "n" not in stand_in_weights(model())


@pytest.mark.parametrize(("there", "instead"), [("# compress structure 1", ""), ("# digest", "# digits"), ("}", "")])
def test_a_spoilt_lock_is_a_diagnostic(there: str, instead: str) -> None:
    with pytest.raises(CompressError) as caught:
        read_structure(write_structure(model(), DIGEST).replace(there, instead))
    assert caught.value.diagnostics[0].code.id == "M113"
    assert "\n" not in caught.value.diagnostics[0].message


def test_the_digest_follows_all_that_shapes_the_graph(tmp_path: Path) -> None:
    source = tmp_path / "net.py"
    source.write_text("import json\nimport blocks\nfrom more.deep import x\nfrom . import near\n")
    for name in ("blocks", "more", "near", "unused"):
        (tmp_path / f"{name}.py").write_text("a = 1\n")
    seen = {structure_digest(source, {"a": 1, "b": (2, 3)}, INPUTS, 13)}
    assert structure_digest(source, {"b": [2, 3], "a": 1}, INPUTS, 13) in seen
    (tmp_path / "unused.py").write_text("a = 2\n")
    assert structure_digest(source, {"a": 1, "b": [2, 3]}, INPUTS, 13) in seen
    for name in ("blocks", "more", "near"):
        (tmp_path / f"{name}.py").write_text("a = 2\n")
        seen.add(structure_digest(source, {"a": 1, "b": [2, 3]}, INPUTS, 13))
    seen.add(structure_digest(source, {"a": 2, "b": [2, 3]}, INPUTS, 13))
    seen.add(structure_digest(source, {"a": 1, "b": [2, 3]}, {"x": (1, 3, 9, 8)}, 13))
    seen.add(structure_digest(source, {"a": 1, "b": [2, 3]}, INPUTS, 14))
    source.write_text(source.read_text() + "\n")
    seen.add(structure_digest(source, {"a": 1, "b": [2, 3]}, INPUTS, 13))
    assert len(seen) == 8


def test_a_source_that_is_no_python_is_a_diagnostic(tmp_path: Path) -> None:
    source = tmp_path / "net.py"
    source.write_text("def build(:\n")
    with pytest.raises(CompressError) as caught:
        structure_digest(source, {}, INPUTS, 13)
    span = caught.value.diagnostics[0].span
    assert span is not None and span.line == 1


def test_reading_a_structure_imports_no_torch() -> None:
    code = (
        "import sys, compiler.frontends.structure, compiler.frontends.torch_factory\nsys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
