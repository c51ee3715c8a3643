"""What a target cannot run is refused before any work, and what a recipe allows hides nothing else."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from compiler.analysis.cost import count_parameters
from compiler.contracts import Context
from compiler.ir import parse_program
from compiler.registry import load_named_target
from passes.decisions.kept import Kept
from passes.level_prune import LevelPrune
from tests.end_to_end.test_build_options import build, edit
from tests.support.commands import compress


def _network(path: Path, op_type: str, dtype: int = onnx.TensorProto.FLOAT) -> None:
    """Write a convolution followed by one operator."""
    weight = np.ones((4, 3, 1, 1), helper.tensor_dtype_to_np_dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["a"], "conv"), helper.make_node(op_type, ["a"], ["y"], "last")],
        "network",
        [helper.make_tensor_value_info("x", dtype, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", dtype, [1, 4, 8, 8])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def _recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(
        "version: 1\nproduct: net\nmodel: {onnx: net.onnx}\ntarget: tx2\npasses: [fp16]\n"
    )


def test_an_operator_that_the_target_lacks_stops_the_build_before_its_passes(tmp_path: Path) -> None:
    _network(tmp_path / "net.onnx", "Hardmax")
    _recipe(tmp_path)
    said = compress("build", "recipe.yaml", cwd=tmp_path)
    assert said.status == 1
    assert "error[T002]" in said.err
    assert "running" not in said.err
    assert not (tmp_path / "build").exists()


def test_missing_backbone_weights_stop_the_build_before_its_passes(quickstart: Path) -> None:
    """Not after an hour of pruning and retraining in front of the swap."""
    edit(quickstart, "  - fp16", "  - backbone-swap: {to: mobilenet-v2, weights: not_there.pth}\n  - fp16")
    said = compress("build", "recipe.yaml", cwd=quickstart)
    assert said.status == 2
    assert "error[M107] recipe.yaml:40:5: there is no checkpoint not_there.pth" in said.err
    assert "running" not in said.err
    assert not (quickstart / "build").exists()


def test_a_step_without_its_images_stops_lint_and_build_before_any_pass(quickstart: Path) -> None:
    edit(quickstart, "calibration: {images: calib}", "calibration: null")
    edit(quickstart, "  - fp16", "  - conv-factorize: {fit: outputs}\n  - fp16")
    for command in ("lint", "build"):
        said = compress(command, "recipe.yaml", cwd=quickstart)
        assert said.status == 1
        assert "error[P061]" in said.err + said.out
        assert "running" not in said.err


def test_lint_refuses_half_precision_weights_as_a_build_does(tmp_path: Path) -> None:
    _network(tmp_path / "net.onnx", "Relu", onnx.TensorProto.FLOAT16)
    _recipe(tmp_path)
    for command in ("lint", "build"):
        assert compress(command, "recipe.yaml", cwd=tmp_path).status == 1


def test_an_allowed_finding_takes_no_other_with_it(quickstart: Path) -> None:
    edit(quickstart, "seed: 7", 'seed: 7\nallow: [{code: T021, because: "measured"}]')
    found = compress("build", "recipe.yaml", "--format", "json", cwd=quickstart).json()["builds"][0]["report"][
        "findings"
    ]
    codes = {finding["code"] for finding in found}
    assert "T021" not in codes
    assert {"P014", "P015"} <= codes


def test_the_accuracy_of_the_result_is_the_results_own(quickstart: Path) -> None:
    _, report = build(quickstart, "--set", "passes.0.level-prune.level=0.5")
    assert report["source"]["accuracy"]["ap50"] > 0.95
    assert report["result"]["accuracy"]["ap50"] < 0.5


def test_a_lost_accuracy_misses_its_budget(quickstart: Path) -> None:
    said = compress(
        "build", "recipe.yaml", "--set", "passes.0.level-prune.level=0.5", "--set", "budget={accuracy_drop: 0.1}",
        cwd=quickstart,
    )  # fmt: skip
    assert said.status == 1
    assert "P008" in said.err


def test_filters_are_counted_without_binary_fractions() -> None:
    program = parse_program(
        "g (float[1,3,4,4] x) => (float[1,2,4,4] y) <float[30,3,1,1] w, float[2,30,1,1] u>\n"
        "{ [conv] a = Conv (x, w) [head] y = Conv (a, u) }"
    )
    context = Context(load_named_target("tx2"), np.random.default_rng(0))
    decision = LevelPrune(level=0.9, channel_multiple=1).decide(program, context)
    assert isinstance(decision, Kept)
    assert len(decision.kept["conv"]) == 3


def test_layers_that_nobody_reads_are_no_parameters() -> None:
    program = parse_program(
        "g (float[1,3,4,4] x) => (float[1,2,4,4] y) <float[2,3,1,1] w, float[9,3,1,1] u>\n"
        "{ [conv] y = Conv (x, w) [dead] z = Conv (x, u) }"
    )
    assert count_parameters(program) == (6, 24)
