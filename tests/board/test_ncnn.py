"""Kits for ncnn: what the converter makes runs in ncnn here; what it misreads is refused and nothing is written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from board_layers import layer_programs
from board_networks import NETWORKS
from board_programs import fitted, refusals

from compiler.analysis.cost import PRECISION_KEY
from compiler.artifact import read_manifest, reseal
from compiler.contracts import Emission
from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Program, from_model, model_bytes, parse_program, refresh_types
from targets.emitters.ncnn import NcnnEmitter
from targets.emitters.ncnn.convert import prepared
from targets.emitters.ncnn.host import Ran, run_kit
from targets.emitters.ncnn.tools import missing_packages
from tests.support.commands import compress
from tests.support.real_networks import with_weights
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of
from tests.support.steps import target

BOARD = "rk3399-ncnn"
X = "float[1,6,13,11] x"
pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="missing for ncnn: the Python packages ncnn and pnnx")


def emit(program: Program, folder: Path) -> Ran:
    """Write a kit, which runs it too, and run it again."""
    feeds = feeds_for(program)
    folder.mkdir()
    NcnnEmitter().emit(Emission("test", program, target(BOARD), {}, feeds, outputs_of(program, feeds), {}), folder)
    return run_kit(folder, read_manifest(folder))


def parsed(text: str) -> Program:
    program = parse_program(text)
    refresh_types(program)
    return program


def fault(body: str, folder: Path, x: str = X) -> str:
    """Emit what cannot be, and return what is said."""
    with pytest.raises(CompressError) as caught:
        emit(parsed(f"g ({x}) => (float[?,?,?,?] y) {{ {body} }}"), folder)
    return "; ".join(f"{item.code.id} {item.message}" for item in caught.value.diagnostics)


def side_by_side(programs: list[Program]) -> Program:
    """Put networks into one that has all their inputs and outputs: the converter starts once."""
    models = [
        onnx.compose.add_prefix(onnx.load_from_string(model_bytes(item)), f"p{index}_")
        for index, item in enumerate(programs)
    ]
    whole = models[0]
    for model in models[1:]:
        for kind in ("node", "input", "output", "initializer", "value_info"):
            getattr(whole.graph, kind).extend(getattr(model.graph, kind))
    return from_model(whole)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_compute_in_ncnn_what_they_do_in_onnx_runtime(name: str, tmp_path: Path) -> None:
    ran = emit(fitted(NETWORKS[name](), BOARD), tmp_path / "kit")
    assert (ran.findings, ran.worst < 1e-5) == ((), True)


@pytest.mark.parametrize("name", ["densenet121", "squeezenet"])
def test_networks_that_nobody_here_wrote_run(name: str, tmp_path: Path) -> None:
    onnx.save(with_weights(name), tmp_path / "net.onnx")
    program = fitted(load_onnx(tmp_path / "net.onnx", {}).program, BOARD)
    assert refusals(program, BOARD) == []
    assert emit(program, tmp_path / "kit").worst < 1e-4


def test_every_layer_runs_or_is_refused_by_lint(tmp_path: Path) -> None:
    programs = {title: fitted(parsed_layer, BOARD) for title, parsed_layer in layer_programs().items()}
    refused = {title for title, program in programs.items() if refusals(program, BOARD)}
    assert refused == {
        "average pool uneven pads",
        "deconv 5x3 stride 2 by 1",
        "every other pixel",
        "focus",
        "pad with a number",
        "resize linear from the corner",
        "resize nearest three times",
    }
    assert emit(side_by_side([programs[title] for title in sorted(programs.keys() - refused)]), tmp_path / "kit")


@pytest.mark.parametrize("pads", ["0, 0, 1, 2, 0, 0, 3, 1", "0, 1, 0, 0, 0, 2, 0, 0"])
def test_what_is_rewritten_for_the_converter_stays_the_same(pads: str) -> None:
    stored = f"<int64[8] p = {{{pads}}}, float v = {{0}}>"
    body = "{ [pad] y = Pad (x, p, v) [relu] z = Relu (x) }"
    program = parsed(f"g ({X}) => (float[1,?,?,?] y, float[1,6,13,11] z) {stored} {body}")
    twin = prepared(program)
    assert {op.op_type for op in twin.each()} == {"Conv", "Relu"}
    assert distance(outputs_of(program), outputs_of(twin)) < ROUNDING


@pytest.mark.parametrize(("more", "names"), [("", ""), (", int64[4] a = {0, 1, -2, -1}", ", a")])
def test_a_slice_that_names_the_batch_runs(more: str, names: str, tmp_path: Path) -> None:
    stored = f"<int64[4] s = {{0, 0, 1, 1}}, int64[4] e = {{1, 6, 9, -1}}{more}>"
    emit(
        parsed(f"g ({X}) => (float[?,?,?,?] y) {stored} {{ r = Relu (x) y = Slice (r, s, e{names}) }}"),
        tmp_path / "kit",
    )


def test_the_converter_s_mistakes_stop_the_build(tmp_path: Path) -> None:
    how = 'mode: string = "linear", coordinate_transformation_mode: string = "asymmetric"'
    misread = f"[c] n = Constant <value_ints: ints = [1, 6, 26, 22]> () [layer] y = Resize <{how}> (x, , , n)"
    assert "E042 in ncnn, output 'y' is off by 0." in fault(misread, tmp_path / "a")
    left_over = "[layer] y = LpPool <kernel_shape: ints = [2, 2]> (x)"
    assert "E041 pnnx left over what ncnn has no layer for: LpPool" in fault(left_over, tmp_path / "b")
    assert "E043 input 'x' is float32[2,6,13,11]" in fault("y = Relu (x)", tmp_path / "c", X.replace("1,", "2,", 1))


def test_weights_take_half_the_room_after_fp16(tmp_path: Path) -> None:
    program = fitted(NETWORKS["MobileNet V2"](), BOARD)
    emit(program, tmp_path / "whole")
    program.set_metadata(PRECISION_KEY, "fp16")
    assert emit(program, tmp_path / "half").worst < 2e-3
    sizes = [(tmp_path / name / "model.bin").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.56 * sizes[0]


def test_verify_runs_the_converted_network(tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    emit(fitted(NETWORKS["ResNet-18"](), BOARD), kit)
    said = compress("verify", kit)
    assert (said.status, "E044" in said.err) == (0, True)
    (kit / "infer.py").write_text("raise SystemExit('not ours')")
    weights = np.fromfile(kit / "model.bin", np.float32)
    weights[200:400] *= -1
    weights.tofile(kit / "model.bin")
    reseal(kit)
    said = compress("verify", kit, "--format", "json")
    assert (said.status, {item["code"] for item in said.json()["findings"]}) == (1, {"E042"})


def test_run_sh_measures_pins_and_puts_back(tmp_path: Path) -> None:
    kit, system = tmp_path / "kit", tmp_path / "sys"
    emit(fitted(NETWORKS["MobileNet V2"](), BOARD), kit)
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    assert subprocess.run([shellcheck, "--norc", kit / "run.sh"], check=False).returncode == 0
    cores = system / "devices/system/cpu/cpufreq/policy4"
    cores.mkdir(parents=True)
    for name, text in (("scaling_governor", "ondemand"), ("cpuinfo_max_freq", "1800000"), ("related_cpus", "4 5")):
        (cores / name).write_text(text)
    (tmp_path / "taskset").write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    (tmp_path / "taskset").chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    line = ["./run.sh", "--force", "--runs", "2", "--warm-up", "1"]
    words = {**os.environ, "SYSFS": str(system), "DEVICE_TREE": str(tmp_path), "PATH": path}
    done = subprocess.run(line, cwd=kit, env=words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (kit / "measurement.json").read_text()
    said = compress("bench", kit, "--format", "json").json()
    assert (said["ms"] > 0, said["predicted_ms"] > 0) == (True, True)
    assert (cores / "scaling_governor").read_text() == "ondemand"
    assert not list(kit.glob(".run.*"))


def test_a_build_without_the_packages_says_what_to_install_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.onnx").write_bytes(model_bytes(parsed(f"g ({X}) => (float[1,6,13,11] y) {{ y = Relu (x) }}")))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\nproduct: p\nmodel: {onnx: net.onnx}\ntarget: raspberry-pi-4\n", "utf-8")
    monkeypatch.setattr("targets.emitters.ncnn.tools._PACKAGES", ("ncnn", "a_package_that_nobody_has"))
    assert compress("lint", recipe).status == 0
    said = compress("build", recipe, "--out", tmp_path / "out")
    assert (said.status, "error[E040]" in said.err, (tmp_path / "out").exists()) == (1, True, False)
    assert 'missing: a_package_that_nobody_has\n  help: install them: pip install "compress[ncnn]"' in said.err
    monkeypatch.undo()
    assert compress("build", recipe, "--out", tmp_path / "out").status == 0
