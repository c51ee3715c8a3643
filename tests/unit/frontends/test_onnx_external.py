"""Weights that live beside the model are read from its folder and from nowhere else."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import digest
from tests.support.small_models import model_of, saved, small_model


def outside(tensor: onnx.TensorProto, location: str, offset: int | None = None) -> None:
    """Say that a tensor's bytes live in a file."""
    length = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entries = {"location": location, "length": str(length)} | ({} if offset is None else {"offset": str(offset)})
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


def refusal(path: Path) -> str:
    with pytest.raises(CompressError) as caught:
        load_onnx(path, {}, "model.onnx")
    assert [item.code.id for item in caught.value.diagnostics] == ["M003"]
    return caught.value.diagnostics[0].message


@pytest.mark.parametrize("offset", [None, 0, 64])
def test_weights_in_a_second_file_are_read(tmp_path: Path, offset: int | None) -> None:
    model = small_model()
    expected = digest(load_onnx(saved(model, tmp_path), {}).program)
    content = model.graph.initializer[0].raw_data
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "weights.bin").write_bytes(bytes(offset or 0) + content)
    outside(model.graph.initializer[0], "sub/weights.bin", offset)
    assert digest(load_onnx(saved(model, tmp_path), {}).program) == expected


def test_weights_cut_short_are_refused(tmp_path: Path) -> None:
    model = small_model()
    (tmp_path / "weights.bin").write_bytes(model.graph.initializer[0].raw_data[:-1])
    outside(model.graph.initializer[0], "weights.bin")
    assert "431 bytes end before the weights do" in refusal(saved(model, tmp_path))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    model = small_model()
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(model.graph.initializer[0].raw_data)
    (folder / "weights.bin").symlink_to(tmp_path / "secret.bin")
    outside(model.graph.initializer[0], "weights.bin")
    assert "outside the model's folder" in refusal(saved(model, folder))


def test_a_weight_inside_a_function_reaches_no_further(tmp_path: Path) -> None:
    value = numpy_helper.from_array(np.ones((1, 3, 8, 8), np.float32), "k")
    outside(value, "../secret.bin")
    body = [helper.make_node("Constant", [], ["k"], value=value), helper.make_node("Add", ["a", "k"], ["b"])]
    function = helper.make_function("own", "Shift", ["a"], ["b"], body, [helper.make_opsetid("", 13)])
    model = model_of([helper.make_node("Shift", ["x"], ["y"], domain="own")], {}, functions=[function])
    model.opset_import.append(helper.make_opsetid("own", 1))
    assert "outside the model's folder" in refusal(saved(model, tmp_path))
