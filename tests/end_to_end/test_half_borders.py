"""`io: half`: inputs and outputs in 16 bits, in the model, the manifest and the self-test alike."""

import json
from pathlib import Path

import numpy as np
import onnx

from tests.support.commands import compress


def test_model_manifest_and_self_test_agree_on_halves(quickstart: Path) -> None:
    recipe = quickstart / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(f"{text[: text.index('passes:')]}passes:\n  - fp16: {{arithmetic: half, io: half}}\nseed: 7\n")
    said = compress("build", "recipe.yaml", "--target", "host", cwd=quickstart)
    assert said.status == 0, said.err
    folder = quickstart / "build/quickstart/host"
    report, manifest = (json.loads((folder / name).read_text()) for name in ("report.json", "manifest.json"))
    assert {item["dtype"] for item in (*manifest["inputs"], *manifest["outputs"])} == {"float16"}
    assert {np.load(file).dtype.name for file in (folder / "expected").glob("*.npy")} == {"float16"}
    graph = onnx.load(folder / "model.onnx").graph
    assert {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {onnx.TensorProto.FLOAT16}
    assert "Cast" not in {node.op_type for node in graph.node}
    assert report["result"]["accuracy"]["ap50"] > report["source"]["accuracy"]["ap50"] - 0.005
    assert report["passes"][-1]["fidelity"]["sqnr_db"] > 50
    assert compress("verify", folder).status == 0


def test_halves_at_the_borders_alone_are_refused(quickstart: Path) -> None:
    recipe = quickstart / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(f"{text[: text.index('passes:')]}passes:\n  - fp16: {{io: half}}\nseed: 7\n")
    said = compress("lint", recipe, "--target", "host")
    assert said.status == 1
    assert "P098" in said.out
