"""`compress calibrate` fits a copy of a profile to measurements, and refuses those that are of something else."""

import hashlib
import json
from pathlib import Path

import pytest

from compiler.analysis.cost import cost
from compiler.artifact import MODEL, Manifest, TensorSpec, seal
from compiler.ir import model_bytes, parse_program
from compiler.measurement import read_measurement
from compiler.registry import load_named_target
from tests.support.commands import compress

SIZES = (16, 32, 64, 128)


def network(size: int) -> str:
    weight = ", ".join(["0"] * 9216)
    return f"""
    g (float[1,32,{size},{size}] x) => (float[1,32,{size},{size}] y) <float[32,32,3,3] w = {{{weight}}}>
    {{ [a] b = Conv <pads = [1, 1, 1, 1]> (x, w)  [c] y = Conv <pads = [1, 1, 1, 1]> (b, w) }}
    """


def measured(folder: Path, size: int, ms: float, **more: object) -> Path:
    """Write an artifact, and the measurement that its kit would write on the board."""
    folder.mkdir()
    program = parse_program(network(size))
    program.set_metadata("compress.precision", str(more.pop("note", "fp32")))
    (folder / MODEL).write_bytes(model_bytes(program))
    shape = (1, 32, size, size)
    seal(folder, Manifest(
        product="p", target="rk3399", runtime="acl-19.05", precision="fp32",
        inputs=(TensorSpec(name="x", dtype="float32", shape=shape),),
        outputs=(TensorSpec(name="y", dtype="float32", shape=shape),),
        preprocess={}, versions={}, tolerance={"fp32": 0.1},
    ))  # fmt: skip
    digest = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    run = {"verdict": "PASS", "backend": "neon", "precision": "fp32", "latency_ms": {"median": ms}}
    document = {"schema_version": 1, "target": "rk3399", "model_sha256": digest, "run": run, **more}
    file = folder / "measurement.json"
    file.write_text(json.dumps(document), "utf-8")
    return file


def test_a_board_that_is_twice_as_fast_to_start_and_half_as_fast_to_work_is_found_out(tmp_path: Path) -> None:
    base = load_named_target("rk3399").cost.under("neon")
    classes = {
        name: entry.model_copy(
            update={
                "floor_ms": entry.floor_ms / 2,
                "launch_ms": entry.launch_ms / 2,
                "ms_per_gmac": {key: 2 * rate for key, rate in entry.ms_per_gmac.items()},
            }
        )
        for name, entry in base.classes.items()
    }
    board = base.model_copy(update={"classes": classes, "bandwidth_gbps": base.bandwidth_gbps / 2})
    times = {size: cost(parse_program(network(size)), board).predicted_ms for size in SIZES}
    files = [measured(tmp_path / str(size), size, ms) for size, ms in times.items()]
    mine = tmp_path / "mine.yaml"
    said = compress("calibrate", "rk3399", *files, "--out", mine, "--format", "json").json()
    assert max(abs(row["error_before"]) for row in said["measurements"]) > 0.3
    assert all(abs(row["error_after"]) < 0.05 for row in said["measurements"])
    assert said["error"]["points"] == 4
    target = load_named_target(str(mine))
    assert target.name == "rk3399-calibrated"
    assert set(target.cost.others) == {"opencl", "neon"}
    assert cost(parse_program(network(48)), target.cost).predicted_ms == pytest.approx(
        cost(parse_program(network(48)), board).predicted_ms, rel=0.05
    )
    shown = compress("inspect", tmp_path / "64" / MODEL, "--target", mine)
    assert "each of your own measurements in turn" in shown.out


@pytest.mark.parametrize(("note", "said"), [("fp16", "int8"), ("fp32", "fp16")])
def test_of_a_network_in_integers_the_model_says_what_the_rest_is_computed_in(
    tmp_path: Path, note: str, said: str
) -> None:
    run = {"verdict": "PASS", "precision": said, "latency_ms": {"median": 1.0}}
    found = read_measurement(measured(tmp_path / "kit", 16, 1.0, note=note, run=run))
    assert found.program.metadata["compress.precision"] == "fp16"


def test_one_measurement_scales_everything_and_keeps_the_band(tmp_path: Path) -> None:
    file, mine = measured(tmp_path / "a", 64, 100.0), tmp_path / "mine.yaml"
    said = compress("calibrate", "rk3399", file, "--out", mine)
    assert "until then the profile's stands" in said.out
    found = load_named_target(str(mine)).cost
    assert cost(parse_program(network(64)), found).predicted_ms == pytest.approx(100)
    assert found.error == load_named_target("rk3399").cost.under("neon").error


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"target": "tx2"}, 1, "it was measured on tx2, not on rk3399"),
        ({"model_sha256": "0" * 64}, 1, "it was taken of another model.onnx than the one beside it"),
        ({"run": {"verdict": "FAIL", "latency_ms": {"median": 3.0}}}, 1, "the self-test on the board did not pass"),
        ({"run": {"latency_ms": {"median": 0}}}, 2, "there is no median time in it"),
        ({"run": []}, 2, "it is not what a kit writes"),
    ],
)
def test_measurements_of_something_else_are_refused(
    tmp_path: Path, more: dict[str, object], status: int, said: str
) -> None:
    found = compress("calibrate", "rk3399", measured(tmp_path / "a", 16, 3.0, **more), "--out", tmp_path / "mine.yaml")
    assert (found.status, said in found.err) == (status, True)
    assert not (tmp_path / "mine.yaml").exists()


def test_two_back_ends_are_not_mixed(tmp_path: Path) -> None:
    run = {"verdict": "PASS", "backend": "opencl", "latency_ms": {"median": 3.0}}
    files = measured(tmp_path / "a", 16, 3.0), measured(tmp_path / "b", 16, 3.0, run=run)
    found = compress("calibrate", "rk3399", *files, "--out", tmp_path / "mine.yaml")
    assert "several back ends: neon, opencl" in found.err


def test_bench_runs_a_kit_for_this_machine_here_and_says_what_to_do_with_any_other(tmp_path: Path) -> None:
    recipe = "version: 1\nproduct: p\nmodel: {onnx: net.onnx}\ntarget: [host, tx2]\n"
    (tmp_path / "recipe.yaml").write_text(recipe, "utf-8")
    (tmp_path / "net.onnx").write_bytes(model_bytes(parse_program(network(16))))
    built = compress("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    assert built.status == 0, built.err
    host, board = tmp_path / "out/p/host", tmp_path / "out/p/tx2"
    found = compress("bench", host, "--run-with", "--runs 2", "--format", "json").json()
    document = json.loads((host / "measurement.json").read_text("utf-8"))
    assert found["ms"] == pytest.approx(document["run"]["latency_ms"]["median"], rel=1e-5)  # six digits are kept
    assert document["run"]["latency_ms"]["runs"] == 2
    assert json.loads((host / "report.json").read_text("utf-8"))["result"]["on_board"] == found
    assert compress("verify", host).status == 0
    wrong = compress("bench", host, "--run-with", "--no-such-option")
    assert (wrong.status, "infer.py failed here (status 2)" in wrong.err) == (1, True)
    said = compress("bench", board)
    assert (said.status, "the kit is for tx2, not for this machine" in said.err) == (1, True)
    assert "run ./build_engine.sh and ./bench.sh on the board yourself" in said.err
    (host / "infer.py").write_text("raise SystemExit('not ours')", "utf-8")
    changed = compress("bench", host)
    assert (changed.status, "E005" in changed.err, "not ours" in changed.err) == (1, True, False)
