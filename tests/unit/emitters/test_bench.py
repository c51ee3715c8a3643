"""bench.sh: what trtexec prints becomes measurement.json, or an error, never half a document."""

import hashlib
import json
from pathlib import Path

import pytest
from jetson import SUMMARY, Jetson
from kits import emission, network, target

from targets.emitters.tensorrt import TensorrtEmitter


@pytest.fixture
def board(tmp_path: Path) -> Jetson:
    return Jetson(tmp_path / "board")


@pytest.fixture
def bench(tmp_path: Path, board: Jetson) -> Path:
    kit = tmp_path / "kit"
    kit.mkdir()
    TensorrtEmitter().emit(emission(target(), network("fp16")), kit)
    assert board.run(kit / "build_engine.sh").returncode == 0
    return kit / "bench.sh"


def test_measurement_holds_the_figures_and_what_they_belong_to(board: Jetson, bench: Path) -> None:
    result = board.run(bench, "--duration", "3", "--warm-up", "500")
    written = bench.with_name("measurement.json").read_text()
    assert (result.returncode, result.stdout) == (0, written)
    model, engine = (bench.with_name(name).read_bytes() for name in ("model.onnx", "model.engine"))
    assert json.loads(written) == {
        "schema_version": 1,
        "target": "tx2",
        "precision": "fp16",
        "board": "quill",
        "l4t": "32.7.1",
        "tensorrt": "8.2.1",
        "power_mode": "MAXN",
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "engine_sha256": hashlib.sha256(engine).hexdigest(),
        "duration_s": 3,
        "warm_up_ms": 500,
        "gpu_compute_ms": {"min": 9.25, "max": 12, "mean": 9.5, "median": 9.4375, "percentile_99": 11.75},
        "latency_ms": {"min": 9.7, "max": 12.5, "mean": 9.93, "median": 9.875, "percentile_99": 12.25},
        "throughput_qps": 101.25,
    }
    assert not list(bench.parent.glob(".*"))


def test_flags_load_the_engine_and_spin(board: Jetson, bench: Path) -> None:
    board.run(bench)
    engine = f"--loadEngine={bench.parent}/model.engine"
    assert board.arguments == [engine, "--warmUp=1000", "--duration=10", "--avgRuns=100", "--useSpinWait"]


@pytest.mark.parametrize("log", ["", SUMMARY.replace("median = 9.4375 ms", "median = nan ms"), SUMMARY[:700]])
def test_log_without_figures_is_an_error_and_writes_nothing(board: Jetson, bench: Path, log: str) -> None:
    board.log = log
    result = board.run(bench)
    assert (result.returncode, result.stdout) == (1, "")
    assert "trtexec reported no figure for" in result.stderr
    assert not bench.with_name("measurement.json").exists()


def test_failing_run_is_an_error(board: Jetson, bench: Path) -> None:
    board.status = 1
    assert board.run(bench).returncode == 1
    assert not bench.with_name("measurement.json").exists()


def test_engine_of_another_model_is_refused(board: Jetson, bench: Path) -> None:
    bench.with_name("model.onnx").write_bytes(b"other")
    assert "changed since the engine was built" in board.run(bench).stderr
    bench.with_name("engine.sha256").unlink()
    assert "there is no engine yet" in board.run(bench).stderr


def test_odd_words_of_the_board_cannot_break_the_document(board: Jetson, bench: Path) -> None:
    board.model, board.power_mode = 'a"b\\c\n{}\0', "M,A}X"
    assert json.loads(board.run(bench).stdout)["board"] == "abc"
