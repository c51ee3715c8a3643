"""The quickstart detector in integers: as accurate as before, a quarter the size, and run by integer kernels."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, cast

import onnx
import onnxruntime

from tests.support.commands import Said, compress


def build(folder: Path, options: str = "", before: str = "") -> tuple[Said, Any]:
    """Build the quickstart with ptq as its only pass, for the host."""
    recipe = folder / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(f"{text[: text.index('passes:')]}passes:\n{before}  - ptq: {{{options}}}\nseed: 7\n")
    said = compress("build", "recipe.yaml", "--target", "host", cwd=folder)
    path = folder / "build/quickstart/host/report.json"
    return said, json.loads(path.read_text()) if path.exists() else None


def test_integers_keep_the_accuracy_and_quarter_the_size(quickstart: Path) -> None:
    said, report = build(quickstart)
    assert said.status == 0, said.err
    step = report["passes"][-1]
    assert report["result"]["parameters"] == report["source"]["parameters"]
    assert report["result"]["bytes"] < 0.27 * report["source"]["bytes"]
    assert report["result"]["accuracy"]["ap50"] > report["source"]["accuracy"]["ap50"] - 0.01
    assert step["fidelity"]["sqnr_db"] > 25
    assert min(step["decision"]["layer_sqnr_db"].values()) > 18
    assert compress("verify", quickstart / "build/quickstart/host").status == 0


def test_bytes_for_the_rk3399_keep_the_accuracy_and_say_what_stays_in_float(quickstart: Path) -> None:
    build(quickstart)
    recipe = quickstart / "recipe.yaml"
    linted = compress("lint", recipe, "--target", "rk3399")
    said = compress("build", recipe, "--target", "rk3399", "--out", quickstart / "out")
    assert said.status == 0, said.err
    expected = "17 layers will compute in 8-bit integers, and 11 stay in floating point: stem_act, "
    assert expected in linted.out
    assert expected in said.err
    folder = quickstart / "out/quickstart/rk3399"
    report = json.loads((folder / "report.json").read_text())
    assert report["result"]["bytes"] < 0.26 * report["source"]["bytes"]
    assert report["result"]["accuracy"]["ap50"] > report["source"]["accuracy"]["ap50"] - 0.01
    decision = next(step["decision"] for step in report["passes"] if step["name"] == "ptq")
    assert decision["floats"].keys() <= decision["islands_ms"].keys()
    assert "for conversions at its borders" in (folder / "report.html").read_text()
    assert len(list((folder / "expected").glob("board_*.npy"))) == 2


def test_a_kit_for_tensorrt_keeps_the_accuracy_and_builds_from_the_scales_in_the_model(quickstart: Path) -> None:
    build(quickstart)
    recipe = quickstart / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("seed: 7", "  - fp16\nseed: 7"))
    said = compress("build", recipe, "--target", "orin-nano", "--out", quickstart / "out")
    assert said.status == 0, said.err
    assert "P033" not in said.err
    folder = quickstart / "out/quickstart/orin-nano"
    report = json.loads((folder / "report.json").read_text())
    assert report["result"]["accuracy"]["ap50"] > report["source"]["accuracy"]["ap50"] - 0.01
    assert report["result"]["parameters"] == report["source"]["parameters"]
    assert "readonly options=(--int8 --fp16)" in (folder / "build_engine.sh").read_text()
    counts = Counter(node.op_type for node in onnx.load(folder / "model.onnx").graph.node)
    assert (counts["QuantizeLinear"], counts["Conv"]) == (28, 13)
    assert compress("verify", folder).status == 0


def test_onnx_runtime_computes_every_layer_in_integers(quickstart: Path, tmp_path: Path) -> None:
    build(quickstart)
    runtime = cast(Any, onnxruntime)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    model = quickstart / "build/quickstart/host/model.onnx"
    runtime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    counts = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
    assert counts["QLinearConv"] == 13
    assert not {"Conv", "FusedConv", "LeakyRelu", "Add", "Concat"} & counts.keys()
    assert (counts["QuantizeLinear"], counts["DequantizeLinear"]) == (1, 2)


def test_noisy_layers_go_back_to_float_until_the_outputs_are_quiet_enough(quickstart: Path) -> None:
    said, report = build(quickstart, "min_sqnr_db: 32, images: 4")
    assert said.status == 0, said.err
    step = report["passes"][-1]
    floats = [skip["layer"] for skip in step["skipped"]]
    alone = step["decision"]["alone_sqnr_db"]
    assert floats
    assert sorted(floats, key=lambda name: alone[name]) == sorted(alone, key=lambda name: alone[name])[: len(floats)]
    assert step["fidelity"]["sqnr_db"] > 31


def test_without_images_it_says_what_it_needs(quickstart: Path) -> None:
    recipe = quickstart / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("  calibration: {images: calib}", "  train: {images: calib}"))
    said, _ = build(quickstart)
    assert said.status == 1
    assert "error[P080]" in said.err
    assert not (quickstart / "build").exists()


def test_pruning_after_integers_is_a_finding_at_lint(quickstart: Path) -> None:
    recipe = quickstart / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(f"{text[: text.index('passes:')]}passes:\n  - ptq\n  - level-prune: {{level: 0.5}}\n")
    said = compress("lint", "recipe.yaml", "--target", "host", cwd=quickstart)
    assert "warning[P033]" in said.out
    assert "level-prune comes after ptq" in said.out
