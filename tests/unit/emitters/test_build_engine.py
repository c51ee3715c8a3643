"""build_engine.sh: it refuses what would not work, and otherwise hands the right flags to trtexec."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jetson import Jetson
from kits import emission, network, target

from targets.emitters.tensorrt import TensorrtEmitter
from tests.support.steps import apply


def kit_at(folder: Path, precision: str | None = None, **facts: object) -> Path:
    folder.mkdir(parents=True)
    TensorrtEmitter().emit(emission(target(facts=facts), network(precision)), folder)
    return folder / "build_engine.sh"


@pytest.fixture
def board(tmp_path: Path) -> Jetson:
    return Jetson(tmp_path / "a board")


def test_right_board_and_version_give_an_engine_beside_the_model(tmp_path: Path, board: Jetson) -> None:
    script = kit_at(tmp_path / "the kit")
    before = set(script.parent.iterdir())
    result = board.run(script)
    assert (result.returncode, result.stderr) == (0, "")
    made = {path.name for path in set(script.parent.iterdir()) - before}
    assert made == {"model.engine", "engine.sha256", "timing.cache"}
    digest = hashlib.sha256((script.parent / "model.engine").read_bytes()).hexdigest()
    assert f"{digest}  model.engine" in (script.parent / "engine.sha256").read_text()
    assert "TensorRT 8.2.1 on quill, power mode MAXN" in result.stdout


def test_flags_are_those_of_trtexec_8_2(tmp_path: Path, board: Jetson) -> None:
    script = kit_at(tmp_path / "kit")
    board.run(script)
    onnx, engine, *rest, cache, last = board.arguments
    assert (onnx, last) == (f"--onnx={script.parent}/model.onnx", "--buildOnly")
    assert engine.startswith(f"--saveEngine={script.parent}/.build.")
    assert cache.startswith("--timingCacheFile=")
    assert rest == ["--workspace=1024"]


@pytest.mark.parametrize(("precision", "is_asked"), [(None, False), ("fp32", False), ("fp16", True)])
def test_fp16_is_passed_only_when_asked(tmp_path: Path, board: Jetson, precision: str | None, is_asked: bool) -> None:  # noqa: FBT001
    board.run(kit_at(tmp_path / "kit", precision))
    assert ("--fp16" in board.arguments) == is_asked


def test_a_network_with_pairs_is_built_with_int8_and_half_precision_only_beside_it(
    tmp_path: Path, board: Jetson
) -> None:
    for asked, flags in (("int8", ["--int8"]), ("fp16", ["--int8", "--fp16"])):
        program = apply("ptq", network(), on="xavier-nx").program
        program.set_metadata("compress.precision", asked)
        (tmp_path / asked).mkdir()
        TensorrtEmitter().emit(emission(target(), program), tmp_path / asked)
        board.run(tmp_path / asked / "build_engine.sh")
        assert [item for item in board.arguments if item in {"--int8", "--fp16", "--calib"}] == flags
        assert json.loads((tmp_path / asked / "manifest.json").read_text())["precision"] == "int8"


def test_the_workspace_is_a_pool_from_version_8_4_on(tmp_path: Path, board: Jetson) -> None:
    kind = target("tensorrt-8.5", name="orin-nano", compute_capability="8.7")
    (tmp_path / "kit").mkdir()
    TensorrtEmitter().emit(emission(kind, network()), tmp_path / "kit")
    text = (tmp_path / "kit/build_engine.sh").read_text()
    assert '--memPoolSize=workspace:"$workspace_mb"' in text
    result = board.run(tmp_path / "kit/build_engine.sh", "--force")
    assert (result.returncode, "--memPoolSize=workspace:1024" in board.arguments) == (0, True)
    assert "this kit is for 8.5" in result.stderr


def test_workspace_comes_from_profile_environment_or_argument(tmp_path: Path, board: Jetson) -> None:
    script = kit_at(tmp_path / "kit", workspace_mb={"value": 512, "source": "test"})
    board.run(script)
    assert "--workspace=512" in board.arguments
    board.variables["WORKSPACE_MB"] = "256"
    board.run(script)
    assert "--workspace=256" in board.arguments
    board.run(script, "--workspace", "300")
    assert "--workspace=300" in board.arguments
    assert board.run(script, "--workspace", "$(id)").returncode == 1
    assert board.run(script, "--workspace").returncode == 1
    assert board.run(script, "--wrokspace").returncode == 2


def wrong_version(board: Jetson, version: str) -> None:
    board.version = version


def wrong_machine(board: Jetson, machine: str) -> None:
    board.machine = machine


def wrong_chip(board: Jetson, chip: str) -> None:
    board.model, board.compatible = "NVIDIA Jetson Nano Developer Kit\0", f"nvidia,p3450-0000\0nvidia,{chip}\0"


@pytest.mark.parametrize(
    ("change", "value", "message"),
    [
        (wrong_version, "8401", "TensorRT is 8.4.1, this kit is for 8.2"),
        (wrong_version, "7103", "TensorRT is 7.1.3, this kit is for 8.2"),
        (wrong_version, "100200", "TensorRT is 10.2.0, this kit is for 8.2"),
        (wrong_machine, "x86_64", "this machine is x86_64, this kit is for NVIDIA Jetson TX2 8GB (aarch64)"),
        (wrong_chip, "tegra210", "this board is NVIDIA Jetson Nano Developer Kit, this kit is for"),
    ],
)
def test_wrong_board_or_version_is_refused_unless_forced(
    tmp_path: Path, board: Jetson, change: Callable[[Jetson, str], None], value: str, message: str
) -> None:
    script = kit_at(tmp_path / "kit")
    change(board, value)
    result = board.run(script)
    assert result.returncode == 1
    assert message in result.stderr
    assert not (script.parent / "model.engine").exists()
    assert board.run(script, "--force").returncode == 0
    assert (script.parent / "model.engine").exists()


def test_unknown_version_is_refused(tmp_path: Path, board: Jetson) -> None:
    board.version = ""
    for name in ("dpkg-query", "python3"):
        (board.folder / "bin").mkdir(parents=True, exist_ok=True)
        (board.folder / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
        (board.folder / "bin" / name).chmod(0o755)
    assert "not to be found out" in board.run(kit_at(tmp_path / "kit")).stderr


def test_version_falls_back_to_the_installed_package(tmp_path: Path, board: Jetson) -> None:
    board.version = ""
    (board.folder / "bin").mkdir(parents=True)
    (board.folder / "bin" / "dpkg-query").write_text("#!/bin/sh\nprintf '8.2.1-1+cuda10.2'\n")
    (board.folder / "bin" / "dpkg-query").chmod(0o755)
    assert "with TensorRT 8.2.1 on" in board.run(kit_at(tmp_path / "kit")).stdout


def test_other_gpu_than_expected_is_refused(tmp_path: Path, board: Jetson) -> None:
    script = kit_at(tmp_path / "kit")
    board.capability = "5.3"
    result = board.run(script)
    assert (result.returncode, "compute capability 5.3" in result.stderr) == (1, True)
    assert not (script.parent / "model.engine").exists()


def test_corrupted_model_is_refused_even_when_forced(tmp_path: Path, board: Jetson) -> None:
    script = kit_at(tmp_path / "kit")
    (script.parent / "model.onnx").write_bytes(b"other")
    result = board.run(script, "--force")
    assert (result.returncode, "not the file that the manifest lists" in result.stderr) == (1, True)


def test_failed_build_keeps_the_earlier_engine_and_leaves_nothing(tmp_path: Path, board: Jetson) -> None:
    script = kit_at(tmp_path / "kit")
    board.run(script)
    before = {path: path.read_bytes() for path in script.parent.iterdir() if path.is_file()}
    board.status = 1
    assert board.run(script).returncode == 1
    assert {path: path.read_bytes() for path in script.parent.iterdir() if path.is_file()} == before
    assert not list(script.parent.glob(".*"))


def test_low_power_and_varying_clocks_are_warned_about(tmp_path: Path, board: Jetson) -> None:
    modes = ({"id": 0, "name": "MAXN", "gpu_mhz": 1300, "memory_mhz": 1866, "cpu": ""},)
    folder = tmp_path / "kit"
    folder.mkdir()
    TensorrtEmitter().emit(emission(target(power_modes=modes), network()), folder)
    board.power_mode, board.gpu_khz = "MAXP_CORE_ARM", ("114750", "1122000")
    result = board.run(folder / "build_engine.sh")
    assert result.returncode == 0
    assert "power mode is MAXP_CORE_ARM; for full speed run: sudo nvpmodel -m 0" in result.stderr
    assert "sudo jetson_clocks" in result.stderr


def test_missing_trtexec_is_said(tmp_path: Path, board: Jetson) -> None:
    board.variables["TRTEXEC"] = "/nowhere/trtexec"
    result = board.run(kit_at(tmp_path / "kit"))
    assert (result.returncode, "no trtexec at /nowhere/trtexec" in result.stderr) == (1, True)
