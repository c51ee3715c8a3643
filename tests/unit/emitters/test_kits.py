"""Both kits: same inputs give same bytes, and no name of a user's reaches a script."""

import ast
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from kits import NASTY, contents, emission, network, renamed_emission, target

from compiler.artifact import read_manifest, reseal, verify_artifact
from compiler.contracts import Emitter
from compiler.diagnostic import CompressError
from compiler.ir import TensorType, parse_program
from targets.emitters.acl import AclEmitter
from targets.emitters.ncnn import NcnnEmitter
from targets.emitters.onnxruntime import OnnxruntimeEmitter
from targets.emitters.tensorrt import TensorrtEmitter

ALL = pytest.mark.parametrize(
    "emitter", [TensorrtEmitter(), OnnxruntimeEmitter(), AclEmitter(), NcnnEmitter()], ids=lambda one: one.runtimes[0]
)
BOTH = pytest.mark.parametrize("emitter", [TensorrtEmitter(), OnnxruntimeEmitter()], ids=lambda one: one.runtimes[0])
SHELL_FILES = ["bench.sh", "build_engine.sh"]


def emitted(emitter: Emitter, folder: Path, name: str = "barn-camera", precision: str | None = None) -> Path:
    kind = target(emitter.runtimes[0], name=name)
    folder.mkdir()
    if name == "barn-camera":
        emitter.emit(emission(kind, network(precision)), folder)
    else:
        emitter.emit(renamed_emission(kind, name), folder)
    return folder


@ALL
def test_same_inputs_give_same_bytes(tmp_path: Path, emitter: Emitter) -> None:
    assert contents(emitted(emitter, tmp_path / "one")) == contents(emitted(emitter, tmp_path / "two"))


@ALL
def test_a_fresh_kit_verifies(tmp_path: Path, emitter: Emitter) -> None:
    folder = emitted(emitter, tmp_path / "kit")
    assert list(verify_artifact(folder)) == []
    (folder / "recipe.yaml").write_text("version: 1\n")
    reseal(folder)
    (folder / "report.json").write_text("{}")
    assert list(verify_artifact(folder)) == []


def test_kits_hold_these_files(tmp_path: Path) -> None:
    common = {"README.md", "expected/input_0.npy", "expected/output_0.npy", "infer.py", "manifest.json", "model.onnx"}
    assert set(contents(emitted(OnnxruntimeEmitter(), tmp_path / "host"))) == common
    assert set(contents(emitted(TensorrtEmitter(), tmp_path / "board"))) == common | set(SHELL_FILES)
    assert all(os.access(tmp_path / "board" / name, os.X_OK) for name in (*SHELL_FILES, "infer.py"))


@ALL
def test_model_is_opset_13_with_fp32_weights(tmp_path: Path, emitter: Emitter) -> None:
    model = onnx.load(emitted(emitter, tmp_path / "kit", precision="fp16") / "model.onnx")
    assert [item.version for item in model.opset_import] == [13]
    assert {tensor.data_type for tensor in model.graph.initializer} == {onnx.TensorProto.FLOAT}


def test_manifest_says_what_precision_is_meant(tmp_path: Path) -> None:
    board = read_manifest(emitted(TensorrtEmitter(), tmp_path / "board", precision="fp16"))
    assert (board.precision, board.tolerance["fp16"], board.preprocess["scale"]) == ("fp16", 0.02, 0.5)
    assert [(spec.name, spec.dtype, spec.shape) for spec in board.inputs] == [("x", "float32", (1, 3, 8, 8))]
    assert read_manifest(emitted(OnnxruntimeEmitter(), tmp_path / "host", precision="fp16")).precision == "fp32"


@BOTH
def test_odd_names_change_the_manifest_the_model_and_the_readme_only(tmp_path: Path, emitter: Emitter) -> None:
    usual = emitted(emitter, tmp_path / "usual", "x")
    odd = emitted(emitter, tmp_path / "odd", NASTY)
    assert set(contents(usual)) == set(contents(odd))
    changed = {name for name, data in contents(odd).items() if data != contents(usual)[name]}
    assert changed <= {"manifest.json", "model.onnx", "README.md", "bench.sh"}  # bench.sh names the target
    assert read_manifest(odd).product == NASTY
    assert not set("<>`$\"'\\") & set((odd / "README.md").read_text().splitlines()[0])
    assert list(verify_artifact(odd)) == []


@pytest.mark.parametrize("name", ["barn-camera", NASTY])
@pytest.mark.parametrize("script", SHELL_FILES)
def test_shell_scripts_pass_bash_and_shellcheck(tmp_path: Path, name: str, script: str) -> None:
    path = emitted(TensorrtEmitter(), tmp_path / "kit", name) / script
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    for command in (["bash", "-n"], [shellcheck, "--norc"]):
        result = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@BOTH
def test_infer_is_python_3_6(tmp_path: Path, emitter: Emitter) -> None:
    text = (emitted(emitter, tmp_path / "kit") / "infer.py").read_text()
    ast.parse(text, feature_version=(3, 6))
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 120


def refusal(folder: Path, **board: object) -> list[str]:
    folder.mkdir()
    with pytest.raises(CompressError) as caught:
        TensorrtEmitter().emit(emission(target(**board), network()), folder)  # pyright: ignore[reportArgumentType] - parts of a profile by name
    assert not list(folder.iterdir())
    return [item.code.id for item in caught.value.diagnostics]


def test_unknown_board_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none", compute_capability=None) == ["E016"]
    assert refusal(tmp_path / "thor", compute_capability="9.9") == ["E016"]


def test_what_the_board_would_misread_is_refused(tmp_path: Path) -> None:
    program = network()
    good = emission(target(), program)
    program.opsets[""] = 17
    program.set_type("x", TensorType(np.dtype(np.float32), ("batch", 3, 8, 8)))
    program.add_constant("half", np.zeros(3, np.float16))
    with pytest.raises(CompressError) as caught:
        TensorrtEmitter().emit(replace(good, program=program), tmp_path)
    assert [item.code.id for item in caught.value.diagnostics] == ["E014", "E013", "E015"]


@ALL
def test_a_single_number_may_be_an_output(tmp_path: Path, emitter: Emitter) -> None:
    program = parse_program("g (float[1,3,8,8] x) => (float y) { y = ReduceMean <keepdims: int = 0> (x) }")
    folder = tmp_path / "kit"
    folder.mkdir()
    emitter.emit(emission(target(emitter.runtimes[0]), program), folder)
    assert list(verify_artifact(folder)) == []
