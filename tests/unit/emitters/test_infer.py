"""infer.py of both kits, run as a program: one JSON document, and a verdict that can fail."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jetson import Jetson
from kits import NASTY, emission, network, renamed_emission, target

from compiler.artifact.check import difference
from targets.emitters.onnxruntime import OnnxruntimeEmitter
from targets.emitters.tensorrt import TensorrtEmitter

_TENSORRT = r'''
"""As much of TensorRT's Python interface as the kit uses; an engine is an ONNX file."""
import ctypes, enum, os
import numpy, onnxruntime

__version__ = os.environ.get("FAKE_TENSORRT", "8.2.1.8")
DataType = enum.Enum("DataType", "FLOAT HALF INT8 INT32 BOOL")
os.write(1, b"noise of a native library\n")


class Logger:
    WARNING = 2

    def __init__(self, level):
        self.level = level


def init_libnvinfer_plugins(logger, namespace):
    return True


class Runtime:
    def __init__(self, logger):
        self.logger = logger

    def deserialize_cuda_engine(self, data):
        return Engine(data) if data else None


class Engine:
    def __init__(self, data):
        self.session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        self.inputs = self.session.get_inputs()
        self.bindings = [*self.session.get_outputs(), *self.inputs]
        self.num_bindings = len(self.bindings)

    def get_binding_name(self, index):
        return self.bindings[index].name

    def get_binding_shape(self, index):
        return self.bindings[index].shape

    def get_binding_dtype(self, index):
        return DataType.FLOAT

    def binding_is_input(self, index):
        return self.bindings[index] in self.inputs

    def create_execution_context(self):
        return self

    def execute_v2(self, addresses):
        feeds = {}
        for item, address in zip(self.bindings, addresses):
            if item in self.inputs:
                size = int(numpy.prod(item.shape)) * 4
                flat = numpy.frombuffer(ctypes.string_at(address, size), numpy.float32)
                feeds[item.name] = flat.reshape(item.shape)
        results = self.session.run(None, feeds)
        for result, address in zip(results, addresses):
            data = (result * numpy.float32(os.environ.get("FAKE_GAIN", "1"))).tobytes()
            ctypes.memmove(address, data, len(data))
        return True
'''

_CUDART = r"""
#include <stdlib.h>
#include <string.h>
int cudaMalloc(void **where, size_t size) { *where = malloc(size); return *where ? 0 : 2; }
int cudaMemcpy(void *to, const void *from, size_t size, int kind) {
    if (kind != 1 && kind != 2) return 21;
    memcpy(to, from, size);
    return 0;
}
const char *cudaGetErrorString(int status) { return "stand-in error"; }
"""


def run(folder: Path, *arguments: str, **variables: str) -> tuple[int, dict[str, object], str]:
    command = [sys.executable, str(folder / "infer.py"), *arguments]
    result = subprocess.run(
        command, env=os.environ | variables, cwd=folder.parent, capture_output=True, text=True, check=False, timeout=60
    )
    return result.returncode, json.loads(result.stdout), result.stderr


@pytest.fixture
def host_kit(tmp_path: Path) -> Path:
    folder = tmp_path / "host"
    folder.mkdir()
    OnnxruntimeEmitter().emit(emission(target("onnxruntime", "cpu"), network()), folder)
    return folder


def test_host_kit_passes_its_self_test(host_kit: Path) -> None:
    status, document, _ = run(host_kit, "--runs", "3", "--warm-up", "1")
    assert (status, document["verdict"], document["problem"]) == (0, "PASS", None)
    assert document["outputs"] == [{"name": "y", "difference": 0.0, "passes": True}]
    assert set(cast("dict[str, float]", document["latency_ms"])) == {"median", "min", "runs"}
    assert (document["precision"], document["tolerance"]) == ("fp32", 0.001)
    assert not list(host_kit.glob("__pycache__"))


@pytest.mark.parametrize("fault", [np.float32(1.01), np.float32("nan")])
def test_wrong_output_fails(host_kit: Path, fault: np.float32) -> None:
    path = host_kit / "expected" / "output_0.npy"
    np.save(path, np.load(path) * fault)
    status, document, _ = run(host_kit)
    assert (status, document["verdict"], document["problem"]) == (1, "FAIL", None)


_SHARES = arrays(np.float32, 3, elements=st.floats(width=32) | st.sampled_from([0.0, 1.0, -1.0]))


@given(actual=_SHARES, expected=_SHARES)
@settings(max_examples=300, deadline=None)
def test_the_kit_measures_as_the_host_does(actual: np.ndarray[tuple[int]], expected: np.ndarray[tuple[int]]) -> None:
    with np.errstate(over="ignore"):
        assert _kit_module().difference(actual, expected) == difference(actual, expected)


@cache
def _kit_module() -> Any:
    """Import the kit's program from a kit of its own."""
    with tempfile.TemporaryDirectory() as folder:
        OnnxruntimeEmitter().emit(emission(target("onnxruntime", "cpu"), network()), Path(folder))
        return SimpleNamespace(**runpy.run_path(str(Path(folder) / "infer.py")))


def test_missing_file_fails_with_a_document(host_kit: Path) -> None:
    (host_kit / "expected" / "input_0.npy").unlink()
    status, document, _ = run(host_kit)
    assert (status, document["verdict"]) == (1, "FAIL")
    assert "input_0.npy" in str(document["problem"])


def test_odd_names_pass_through_the_manifest(tmp_path: Path) -> None:
    OnnxruntimeEmitter().emit(renamed_emission(target("onnxruntime", NASTY), NASTY), tmp_path)
    status, document, _ = run(tmp_path)
    assert (status, document["verdict"], document["product"]) == (0, "PASS", NASTY)


@pytest.fixture
def board_kit(tmp_path: Path) -> Path:
    """Emit the board's kit, build its engine, and put stand-ins for TensorRT and CUDA beside it."""
    folder, stubs = tmp_path / "board kit", tmp_path / "stubs"
    folder.mkdir()
    TensorrtEmitter().emit(emission(target(), network("fp16")), folder)
    assert Jetson(tmp_path / "jetson").run(folder / "build_engine.sh").returncode == 0
    stubs.mkdir()
    (stubs / "tensorrt.py").write_text(_TENSORRT)
    return folder


@pytest.fixture
def stubs(board_kit: Path) -> dict[str, str]:
    """Compile the stand-in for the CUDA runtime, where there is a C compiler."""
    folder = board_kit.parent / "stubs"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (folder / "cudart.c").write_text(_CUDART)
    library = str(folder / "libcudart.so.10.2")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, str(folder / "cudart.c")], check=True)
    return {"PYTHONPATH": str(folder), "LD_LIBRARY_PATH": str(folder)}


def test_board_kit_runs_its_engine_and_prints_one_document(board_kit: Path, stubs: dict[str, str]) -> None:
    status, document, errors = run(board_kit, "--runs", "2", **stubs)
    assert (status, document["verdict"], document["problem"]) == (0, "PASS", None)
    assert (document["precision"], document["tolerance"]) == ("fp16", 0.02)
    assert "noise of a native library" in errors


@pytest.mark.parametrize(("gain", "status"), [("1.015", 0), ("1.05", 1)])
def test_board_kit_holds_outputs_to_the_tolerance_of_fp16(
    board_kit: Path, stubs: dict[str, str], gain: str, status: int
) -> None:
    assert run(board_kit, FAKE_GAIN=gain, **stubs)[0] == status


def test_board_kit_refuses_another_tensorrt(board_kit: Path, stubs: dict[str, str]) -> None:
    status, document, _ = run(board_kit, FAKE_TENSORRT="8.4.1.5", **stubs)
    assert (status, document["problem"]) == (1, "Problem: TensorRT is 8.4.1.5, the engine needs 8.2")


def test_board_kit_says_when_cuda_is_missing(board_kit: Path) -> None:
    text = (board_kit / "infer.py").read_text()
    (board_kit / "infer.py").write_text(text.replace("libcudart.so", "libnowhere.so"))
    status, document, _ = run(board_kit, PYTHONPATH=str(board_kit.parent / "stubs"))
    assert (status, "no CUDA runtime found" in str(document["problem"])) == (1, True)


def test_board_kit_refuses_an_engine_of_another_model(board_kit: Path) -> None:
    (board_kit / "model.onnx").write_bytes(b"other")
    assert "model.onnx changed since the engine was built" in str(run(board_kit)[1]["problem"])
    (board_kit / "engine.sha256").unlink()
    assert "there is no engine yet" in str(run(board_kit)[1]["problem"])
