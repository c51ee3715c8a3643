"""The kit for Arm Compute Library: its files, its program's text, and names that try to be more than names."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kits import NASTY, contents, emission, network, renamed_emission, target

from compiler.artifact import read_manifest, verify_artifact
from compiler.ir import parse_program
from targets.emitters.acl import AclEmitter
from targets.emitters.acl.cpp import label_text, write_cpp
from targets.emitters.acl.translate import translate

HOSTILE = [NASTY, 'x"); system("id"); //', "a\\", "??/", "*/ int x;", "line\nbreak", "\x1b[31m", "%s%n", "é" * 300]


def kit(folder: Path, name: str | None = None) -> Path:
    folder.mkdir()
    kind = target("acl-19.05", name=name or "rk3399")
    AclEmitter().emit(emission(kind, network()) if name is None else renamed_emission(kind, name), folder)
    return folder


def calls(text: str) -> list[str]:
    return write_cpp(translate(parse_program(text))).calls


def test_the_kit_holds_a_program_its_weights_and_its_engine(tmp_path: Path) -> None:
    names = set(contents(kit(tmp_path / "kit")))
    assert {"net.cpp", "CMakeLists.txt", "run.sh", "README.md", "manifest.json", "model.onnx"} <= names
    assert {
        f"runtime/{name}" for name in ("kit.hpp", "npy.hpp", "engine.hpp", "neon.cpp", "opencl.cpp", "main.cpp")
    } <= names
    assert {"weights/0000.npy", "expected/input_0.npy", "expected/output_0.npy"} <= names


def test_what_the_board_builds_and_measures_is_not_held_against_the_kit(tmp_path: Path) -> None:
    folder = kit(tmp_path / "kit")
    (folder / "build" / "deeper").mkdir(parents=True)
    (folder / "build" / "deeper" / "net").write_text("program")
    (folder / "measurement.json").write_text("{}")
    assert list(verify_artifact(folder)) == []
    (folder / "built").write_text("something else")
    assert [item.code.id for item in verify_artifact(folder)] == ["E006"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_one_string_of_harmless_characters(name: str) -> None:
    assert re.fullmatch(r'"[A-Za-z0-9_ ./:+-]{1,100}"', label_text(name))


def test_hostile_names_change_labels_and_comments_only(tmp_path: Path) -> None:
    usual, odd = kit(tmp_path / "usual", "x"), kit(tmp_path / "odd", NASTY)
    changed = {name for name, data in contents(odd).items() if data != contents(usual)[name]}
    assert changed <= {"manifest.json", "model.onnx", "README.md", "net.cpp", "run.sh"}
    blanked = [
        re.sub(r'"001 [A-Za-z0-9_ ./:+-]*"|network of .* for', "", (one / "net.cpp").read_text())
        for one in (usual, odd)
    ]
    assert blanked[0] == blanked[1]
    assert (odd / "net.cpp").read_text().isascii()
    assert list(verify_artifact(odd)) == []
    assert read_manifest(odd).product == NASTY


@pytest.mark.parametrize("name", [None, NASTY])
def test_run_sh_passes_bash_and_shellcheck(tmp_path: Path, name: str | None) -> None:
    path = kit(tmp_path / "kit", name) / "run.sh"
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    for command in (["bash", "-n"], [shellcheck, "--norc"]):
        result = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_weights_are_32_bit_floats_in_the_order_of_the_calls(tmp_path: Path) -> None:
    folder = kit(tmp_path / "kit")
    array = np.load(folder / "weights/0000.npy")
    assert (array.dtype, array.shape) == (np.float32, (4, 3, 3, 3))
    assert 'Weight("weights/0000.npy", {4, 3, 3, 3})' in (folder / "net.cpp").read_text()


def test_a_relu_goes_into_its_convolution_and_other_activations_work_in_place() -> None:
    found = calls("""g (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[4,3,1,1] w> {
        [conv] c = Conv (x, w)
        [relu] r = Relu (c)
        [tanh] y = Tanh (r)
    }""")
    assert len(found) == 4
    assert found[1].endswith("Activation(Function::relu));")
    assert found[2] == 'net.activate("002 tanh", t1, Activation(Function::tanh, 1.0f, 1.0f));'
    assert found[3] == "net.output(0, t1);"


def test_a_tensor_with_another_reader_is_not_overwritten() -> None:
    found = calls("""g (float[1,3,8,8] x) => (float[1,3,8,8] a, float[1,3,8,8] b) {
        [first] s = Sigmoid (x)
        [second] a = Tanh (s)
        [third] b = Add (s, x)
    }""")
    assert not any(".activate(" in line for line in found)


def test_depthwise_weights_lose_their_axis_of_one_and_transposed_ones_turn() -> None:
    found = calls("""g (float[1,4,8,8] x) => (float[1,2,18,18] y) <float[8,1,3,3] deep, float[8,2,4,4] up> {
        [deep] d = Conv <group: int = 4, pads: ints = [1, 1, 1, 1]> (x, deep)
        [up] y = ConvTranspose <strides: ints = [2, 2]> (d, up)
    }""")
    assert "{8, 3, 3}" in found[1]
    assert "Window(1, 1, 1, 1, 1, 1), 2, Activation()" in found[1]
    assert "{2, 8, 4, 4}" in found[2]


def test_an_output_that_is_an_input_or_another_output_is_a_copy() -> None:
    found = calls("""g (float[1,3] x) => (float[1,3] a, float[1,3] b, float[1,3] c) {
        [keep] a = Identity (x)
        [relu] b = Relu (x)
        [same] c = Identity (b)
    }""")
    assert sum(".reshape(" in line for line in found) == 2
    assert len({line.rpartition("t")[2] for line in found if ".output(" in line}) == 3
