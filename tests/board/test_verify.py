"""`compress verify` on kits for the RK3399: it runs the program where it can, and no program but ours."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from compiler.artifact import reseal
from targets.emitters.acl.emulate import compile_program, run_program
from targets.emitters.acl.tools import Tools
from tests.support.commands import RECIPES, compress


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the quickstart detector for the board, once."""
    folder = tmp_path_factory.mktemp("board")
    options = ("--target", "rk3399", "--out", folder, "--set", "passes.1.finetune.epochs=1")
    said = compress("build", RECIPES / "quickstart/recipe.yaml", *options)
    assert said.status == 0, said.err
    return folder / "quickstart" / "rk3399"


def test_the_quickstart_detector_runs_on_the_emulated_board(built: Path, tools: Tools) -> None:
    said = compress("verify", built)
    assert said.status == 0
    assert "the program ran on an emulated Cortex-A72" in said.err
    assert "FP16 was not tried" in said.err
    assert "the self-test passes" in said.out


def test_integers_run_on_the_emulated_board_within_a_step(tools: Tools, tmp_path: Path) -> None:
    folder = tmp_path / "quickstart"
    shutil.copytree(RECIPES / "quickstart", folder)
    recipe = folder / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(f"{text[: text.index('passes:')]}passes:\n  - ptq: {{images: 4}}\nseed: 7\n")
    said = compress("build", recipe, "--target", "rk3399", "--out", tmp_path / "out")
    assert said.status == 0, said.err
    kit = tmp_path / "out/quickstart/rk3399"
    said = compress("verify", kit)
    assert said.status == 0, said.err
    assert "in 8-bit integers with the NEON functions" in said.err
    expected = np.load(kit / "expected/board_0.npy")
    np.save(kit / "expected/board_0.npy", expected[..., ::-1])
    reseal(kit)
    said = compress("verify", kit)
    assert said.status == 1
    assert "is off by more than a step of its integers in " in said.err


def test_a_foreign_program_is_not_run(built: Path, tools: Tools, tmp_path: Path) -> None:
    for name, old, new in (
        ("net.cpp", "namespace kit {", "namespace kit { const int spy = system(0);"),
        ("net.cpp", "Sampling::nearest", "Sampling::half_pixel"),
        ("net.cpp", "// than edit", "// \\\nthan edit"),
        ("runtime/main.cpp", "int main", "int spy(); int main"),
    ):
        folder = tmp_path / f"kit{len(list(tmp_path.iterdir()))}"
        subprocess.run(["cp", "-r", str(built), str(folder)], check=True)
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
        reseal(folder)
        said = compress("verify", folder, "--format", "json")
        assert said.status == 1
        assert [item["code"] for item in said.json()["findings"]] == ["E019"]


def test_run_sh_measures_pins_and_puts_back(built: Path, tools: Tools, tmp_path: Path) -> None:
    kit, system = tmp_path / "kit", tmp_path / "sys"
    subprocess.run(["cp", "-r", str(built), str(kit)], check=True)
    compile_program(kit / "net.cpp", kit / "runtime", tools, tmp_path / "net")
    governors = [_file(system / f"devices/system/cpu/cpufreq/{name}/scaling_governor", "ondemand") for name in _CORES]
    for name, (speed, cores) in _CORES.items():
        _file(system / f"devices/system/cpu/cpufreq/{name}/cpuinfo_max_freq", speed)
        _file(system / f"devices/system/cpu/cpufreq/{name}/related_cpus", cores)
    words = {
        **os.environ,
        "SYSFS": str(system),
        "DEVICE_TREE": str(tmp_path),
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
    }
    _script(tmp_path / "bin/cmake", f'if [ "$1" = --build ]; then cp {tmp_path}/emulated net; fi')
    _script(tmp_path / "bin/taskset", 'shift 2\nexec "$@"')
    libraries = f"-E LD_LIBRARY_PATH={tools.binaries}:{tools.system}/lib"
    _script(
        tmp_path / "emulated",
        f'exec {tools.emulator} -cpu cortex-a72 -L {tools.system} {libraries} {tmp_path}/net "$@"',
    )
    line = ["./run.sh", "--force", "--backend", "neon", "--precision", "fp32", "--runs", "2", "--warm-up", "1"]
    done = subprocess.run(line, cwd=kit, env=words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((kit / "measurement.json").read_text())
    assert (found["target"], found["cores"], found["cpu_governor"]) == ("rk3399", "4,5", "performance")
    assert (found["run"]["verdict"], found["run"]["latency_ms"]["runs"], found["run"]["threads"]) == ("PASS", 2, 2)
    assert [path.read_text() for path in governors] == ["ondemand", "ondemand"]
    assert not list(kit.glob(".run.*"))


def test_the_program_runs_on_arrays_of_ones_own(built: Path, tools: Tools, tmp_path: Path) -> None:
    compile_program(built / "net.cpp", built / "runtime", tools, tmp_path / "net")
    own = ["--input", str(built / "expected/input_0.npy"), "--output-folder", str(tmp_path)]
    said = run_program(tmp_path / "net", built, tools, own)
    assert (said["verdict"], said["outputs"]) == ("PASS", [])
    assert (tmp_path / "output_1.npy").stat().st_size == (built / "expected/output_1.npy").stat().st_size


_CORES = {"policy0": ("1416000", "0 1 2 3"), "policy4": ("1800000", "4 5")}


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _script(path: Path, body: str) -> None:
    _file(path, f"#!/bin/sh\n{body}\n").chmod(0o755)
