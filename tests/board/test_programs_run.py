"""Generated programs, compiled for aarch64 and run on an emulated Cortex-A72, against ONNX Runtime."""

import re
from pathlib import Path

import pytest
from board_layers import layer_programs
from board_matrix import operator_matrix
from board_networks import NETWORKS
from board_programs import emit, fitted, refusals, run
from hypothesis import HealthCheck, given, settings

from compiler.ir import Program, parse_program
from targets.emitters.acl.emulate import compile_opencl, compile_program, run_program
from targets.emitters.acl.tools import Tools
from tests.support.merging import prefixed, side_by_side
from tests.support.networks import networks

ROUNDING = 1e-5
"""Largest difference, as a share of an output's range, of a single layer."""
NASTY = 'x"); } int main() { system("id"); } // \\ ??/ */ \x1b[31m é\n#error'


@pytest.mark.parametrize("title", NETWORKS)
def test_a_network_computes_on_the_board_what_it_does_here(title: str, tmp_path: Path, tools: Tools) -> None:
    program = fitted(NETWORKS[title]())
    assert refusals(program) == []
    ran = run(program, tmp_path / "kit", tools)
    assert ran.said["verdict"] == "PASS", ran.differences
    assert ran.said["tolerance"] == 1e-4


def test_every_layer_that_lint_lets_pass_computes_what_it_does_here(tmp_path: Path, tools: Tools) -> None:
    programs = {title: fitted(program) for title, program in layer_programs().items()}
    assert {title: found for title, program in programs.items() if (found := refusals(program))} == {}
    ran = run(side_by_side(programs), tmp_path / "kit", tools)
    assert {name: gap for name, gap in ran.differences.items() if gap is None or gap > ROUNDING} == {}


def test_operator_cases_of_onnx_compute_what_they_do_here(tmp_path: Path, tools: Tools) -> None:
    matrix = operator_matrix()
    assert len(matrix.runs) > 250
    assert len(matrix.rewritten) > 80
    feeds = {name: value for title, own in matrix.feeds.items() for name, value in prefixed(title, own).items()}
    ran = run(side_by_side(matrix.runs), tmp_path / "kit", tools, feeds)
    assert {name: gap for name, gap in ran.differences.items() if gap is None or gap > ROUNDING} == {}


def test_the_opencl_half_compiles(tmp_path: Path, tools: Tools) -> None:
    emit(_small(), tmp_path / "kit")
    assert compile_opencl(tmp_path / "kit" / "runtime", tools).is_file()


def test_hostile_names_end_as_labels(tmp_path: Path, tools: Tools) -> None:
    program = Program(NASTY, {"": 13})
    program.add_input(NASTY, _small().type("x"))
    for index, source in enumerate((NASTY, f"{NASTY}0", f"{NASTY}1")):
        program.add("Sigmoid", [source], [f"{NASTY}{index}"], name=f"{NASTY}{index}")
        program.set_type(f"{NASTY}{index}", program.type(NASTY))
    program.add_output(f"{NASTY}2")
    ran = run(program, tmp_path / "kit", tools)
    assert ran.said["verdict"] == "PASS"


def test_what_the_library_refuses_names_the_layer(tmp_path: Path, tools: Tools) -> None:
    emit(_small(), tmp_path / "kit")
    net = tmp_path / "kit" / "net.cpp"
    net.write_text(net.read_text().replace("{1, 4, 8, 8}", "{1, 4, 9, 8}"))
    compile_program(net, net.parent / "runtime", tools, tmp_path / "net")
    said = run_program(tmp_path / "net", net.parent, tools)
    assert said["verdict"] == "FAIL"
    assert re.match(r"layer 001 first: the library cannot run it here: ", said["problem"])


@pytest.mark.parametrize("fault", ["gone", "cut", "another shape", "text"])
def test_a_faulty_file_of_weights_is_named(fault: str, tmp_path: Path, tools: Tools) -> None:
    emit(_small(), tmp_path / "kit")
    path = tmp_path / "kit" / "weights" / "0000.npy"
    data = path.read_bytes()
    path.unlink()
    if fault != "gone":
        path.write_bytes({"cut": data[:-4], "another shape": data.replace(b"(4, 3", b"(3, 4"), "text": b"text"}[fault])
    compile_program(tmp_path / "kit" / "net.cpp", tmp_path / "kit" / "runtime", tools, tmp_path / "net")
    said = run_program(tmp_path / "net", tmp_path / "kit", tools)
    assert said["verdict"] == "FAIL"
    assert "weights/0000.npy: " in said["problem"]


def test_layers_are_timed_one_by_one(tmp_path: Path, tools: Tools) -> None:
    emit(_small(), tmp_path / "kit")
    compile_program(tmp_path / "kit" / "net.cpp", tmp_path / "kit" / "runtime", tools, tmp_path / "net")
    said = run_program(tmp_path / "net", tmp_path / "kit", tools, ["--layers", "--runs", "3"])
    assert [layer["layer"] for layer in said["layers"]] == ["001 first", "002 last"]
    assert said["latency_ms"]["min"] <= said["latency_ms"]["median"] <= said["latency_ms"]["percentile_99"]


def _small() -> Program:
    return parse_program("""g (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[4,3,3,3] w> {
        [first] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
        [last] y = Sigmoid (c)
    }""")


def test_random_networks_that_lint_lets_pass_compute_what_they_do_here(tmp_path: Path, tools: Tools) -> None:
    programs: dict[str, Program] = {}

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(program=networks())
    def draw(program: Program) -> None:
        program = fitted(program)
        if not refusals(program):
            programs[f"drawn{len(programs)}"] = program

    draw()
    assert len(programs) > 15
    ran = run(side_by_side(programs), tmp_path / "kit", tools)
    assert {name: gap for name, gap in ran.differences.items() if gap is None or gap > 1e-4} == {}
