"""Networks in 8-bit integers, compiled for aarch64 and run on an emulated Cortex-A72, against ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from board_bytes import bytes_programs
from board_networks import NETWORKS
from board_programs import emit, fitted, refusals, run
from hypothesis import HealthCheck, given, settings

from compiler.analysis.cost import PRECISION_KEY
from compiler.ir import Array, Program, parse_program
from targets.emitters.acl.emulate import compile_program, run_program
from targets.emitters.acl.exact import exact_twin
from targets.emitters.acl.integers import find_bytes
from targets.emitters.acl.tools import Tools
from tests.support.merging import side_by_side
from tests.support.networks import networks
from tests.support.running import feeds_for, outputs_of
from tests.support.steps import apply


@pytest.mark.parametrize("title", NETWORKS)
def test_a_network_in_integers_is_the_librarys_arithmetic_to_the_bit(title: str, tmp_path: Path, tools: Tools) -> None:
    program = fitted(apply("ptq", fitted(NETWORKS[title]()), on="rk3399").program)
    assert refusals(program) == []
    ran = run(program, tmp_path / "kit", tools)
    assert ran.said["verdict"] == "PASS"
    assert [item["beyond_a_step"] for item in ran.said["outputs"]] == [0] * len(program.outputs)


def test_every_layer_in_integers_is_within_a_step_of_onnx_runtime(tmp_path: Path, tools: Tools) -> None:
    programs = bytes_programs()
    kinds = {program.op(name).op_type for program in programs.values() for name in find_bytes(program).layers}
    assert kinds == _KINDS
    assert {title: found for title, program in programs.items() if (found := refusals(program))} == {}
    whole = side_by_side(programs)
    whole.set_metadata(PRECISION_KEY, "int8")
    feeds = feeds_for(whole)
    found = _outputs(whole, feeds, tmp_path, tools)
    assert _far(whole, found, outputs_of(whole, feeds)) == {}
    exact = outputs_of(exact_twin(whole), feeds)
    unlike = {name: float((_steps(whole, name, found, value) > 0.5).mean()) for name, value in exact.items()}
    assert {name: share for name, share in unlike.items() if share > 0.002} == {}


@pytest.mark.parametrize("second", ["1,8,64,43", "1,8,1,1"])
@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul"])
def test_halves_round_as_the_library_does(op_type: str, second: str, tmp_path: Path, tools: Tools) -> None:
    """Of a row of 43 elements 32 by sixteens, and 11 one by one; with these steps many results are about a half."""
    step = 2 * 0.0381 * (0.0127 if op_type == "Mul" else 1)
    program = parse_program(f"""
    g (float[1,8,64,43] x, float[{second}] w) => (float[1,8,64,43] y)
      <float s = {{0.0381}}, float r = {{0.0127}}, float t = {{{step}}},
       uint8 a = {{5}}, uint8 b = {{0}}, uint8 c = {{101}}>
    {{
      [x_in] xb = QuantizeLinear (x, s, a)  [x_out] xr = DequantizeLinear (xb, s, a)
      [w_in] wb = QuantizeLinear (w, r, b)  [w_out] wr = DequantizeLinear (wb, r, b)
      [pair] z = {op_type} (xr, wr)
      [y_in] yb = QuantizeLinear (z, t, c)  [y_out] y = DequantizeLinear (yb, t, c)
    }}
    """)
    program.set_metadata(PRECISION_KEY, "int8")
    rng, shape = np.random.default_rng(3), [int(size) for size in second.split(",")]
    feeds = {"x": rng.integers(-5, 60, (1, 8, 64, 43)) * 0.0381, "w": rng.integers(0, 40, shape) * 0.0127}
    feeds = {name: value.astype(np.float32) for name, value in feeds.items()}
    found = _outputs(fitted(program), feeds, tmp_path, tools)["y"]
    assert np.array_equal(found, outputs_of(exact_twin(program), feeds)["y"])
    assert not np.array_equal(found, outputs_of(program, feeds)["y"])


def test_random_networks_in_integers_compute_what_the_library_model_does(tmp_path: Path, tools: Tools) -> None:
    programs: dict[str, Program] = {}

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(program=networks())
    def draw(program: Program) -> None:
        done = apply("ptq", fitted(program), on="rk3399")
        program = fitted(done.program)
        if done.is_changed and not refusals(program):
            programs[f"drawn{len(programs)}"] = program

    draw()
    assert len(programs) > 10
    whole = side_by_side(programs)
    whole.set_metadata(PRECISION_KEY, "int8")
    feeds = feeds_for(whole)
    found = _outputs(whole, feeds, tmp_path, tools)
    assert _far(whole, found, outputs_of(exact_twin(whole), feeds)) == {}


_KINDS = {
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sum", "Sub", "Mul", "Relu", "Clip", "Sigmoid", "MaxPool",
    "GlobalMaxPool", "AveragePool",
    "GlobalAveragePool", "Concat", "Resize", "Reshape", "Flatten", "Transpose", "Split", "Slice", "Pad",
}  # fmt: skip


def _outputs(program: Program, feeds: Mapping[str, Array], folder: Path, tools: Tools) -> dict[str, Array]:
    """Run a network on the emulated board and read its outputs."""
    emit(program, folder / "kit", feeds)
    compile_program(folder / "kit" / "net.cpp", folder / "kit" / "runtime", tools, folder / "net")
    said = run_program(folder / "net", folder / "kit", tools, ["--output-folder", str(folder)], precision="int8")
    assert said["problem"] is None, said["problem"]
    return {name: np.load(folder / f"output_{index}.npy") for index, name in enumerate(program.outputs)}


def _steps(program: Program, name: str, found: Mapping[str, Array], expected: Array) -> Array:
    """Tell how far an output is off, in steps of its integers, or in 1/255 of its range where reals leave."""
    maker = program.producer(name)
    scale = program.const(maker.input(1)) if maker is not None and maker.op_type == "DequantizeLinear" else None
    step = float(np.ptp(expected)) / 255 if scale is None else float(scale)
    return np.abs(found[name] - expected) / (step or 1.0)


def _far(program: Program, found: Mapping[str, Array], expected: Mapping[str, Array]) -> dict[str, float]:
    """Find the outputs that are off by more than a step in more than a hundredth of their elements."""
    shares = {name: float((_steps(program, name, found, value) > 1.001).mean()) for name, value in expected.items()}
    return {name: share for name, share in shares.items() if share > 0.01}
