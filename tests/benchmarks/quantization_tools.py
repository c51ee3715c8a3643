"""Run one tool on one network in a process of its own, and tell what it took: time, processor time, memory.

    python -m tests.benchmarks.quantization_tools TOOL FLOAT.onnx SAMPLES COUNT OUT.onnx

SAMPLES is a folder of .npz files, read one at a time. Prints JSON. Time runs from the first line after the imports to
the written file. The process stays on one core, so that times of tools with and without threads can be compared.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from compiler.ir import Array

OURS: Mapping[str, Mapping[str, object]] = {
    "ours": {},
    "ours-minmax": {"calibrate": "minmax"},
    "ours-minmax-alone": {"calibrate": "minmax", "equalize": False},
    "ours-percentile": {"calibrate": "percentile"},
    "ours-entropy": {"calibrate": "entropy"},
    "ours-learned": {"rounding": "learned"},
}
ORT = {"ort-minmax": "MinMax", "ort-entropy": "Entropy", "ort-percentile": "Percentile"}
NNCF = {"nncf": "PERFORMANCE", "nncf-mixed": "MIXED"}
Stream = Callable[[], Iterator[dict[str, Array]]]
HALF = ("ours-half", "onnxconverter-common-half", "ort-half")


def main() -> None:
    """Run the tool that the command line names."""
    tool, source, folder, count, result = sys.argv[1], *map(Path, sys.argv[2:4]), int(sys.argv[4]), Path(sys.argv[5])
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    work = _work(tool, source, sorted(folder.iterdir())[:count], result)
    base, cpu, wall = _peak_mb(), time.process_time(), time.perf_counter()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    line = {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": _peak_mb(), "imports_mb": base}
    print(json.dumps(line))


def _work(tool: str, source: Path, files: list[Path], result: Path) -> Callable[[], None]:
    """Import what a tool needs; return what is to be timed."""

    def stream() -> Iterator[dict[str, Array]]:
        for file in files:
            with np.load(file) as arrays:
                yield dict(arrays)

    if tool in OURS or tool == "ours-half":
        return _ours(tool, source, stream, result)
    if tool in ORT:
        return _onnxruntime(tool, source, stream, result)
    return _nncf(tool, source, stream, result) if tool in NNCF else _half(tool, source, result)


def _ours(tool: str, source: Path, stream: Stream, result: Path) -> Callable[[], None]:
    import importlib

    from compiler.contracts import Context, Log
    from compiler.frontends.onnx_file import load_onnx
    from compiler.ir import model_bytes
    from compiler.registry import load_named_target, load_pass

    options = {"arithmetic": "half"} if tool == "ours-half" else OURS[tool]
    for module in ("onnx.shape_inference", "onnxruntime"):
        importlib.import_module(module)  # an import is not to be timed
    todo = load_pass("fp16" if tool == "ours-half" else "ptq").model_validate(options)
    context = Context(load_named_target("host"), np.random.default_rng(7), stream)

    def work() -> None:
        program = load_onnx(source, {}).program
        todo.rewrite(program, todo.decide(program, context), Log())
        result.write_bytes(model_bytes(program))

    return work


def _onnxruntime(tool: str, source: Path, stream: Stream, result: Path) -> Callable[[], None]:
    from onnxruntime import quantization

    kit, samples = cast(Any, quantization), stream()

    class Reader:
        """Hands out the calibration images."""

        def get_next(self) -> Mapping[str, Array] | None:
            return next(samples, None)

    def work() -> None:
        kit.quantize_static(
            str(source), str(result), Reader(), quant_format=kit.QuantFormat.QDQ, per_channel=True,
            activation_type=kit.QuantType.QUInt8, weight_type=kit.QuantType.QInt8,
            calibrate_method=getattr(kit.CalibrationMethod, ORT[tool]),
        )  # fmt: skip

    return work


def _nncf(tool: str, source: Path, stream: Stream, result: Path) -> Callable[[], None]:
    import importlib

    import onnx

    nncf: Any = importlib.import_module("nncf")
    count = sum(1 for _ in stream())

    def work() -> None:
        data, preset = nncf.Dataset(_Again(stream)), nncf.QuantizationPreset[NNCF[tool]]
        onnx.save(nncf.quantize(onnx.load(source), data, subset_size=count, preset=preset), result)

    return work


class _Again:
    """Opens the stream afresh each time it is gone through."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[dict[str, Array]]:
        return self._stream()


def _half(tool: str, source: Path, result: Path) -> Callable[[], None]:
    import importlib

    import onnx

    name = "onnxruntime.transformers.float16" if tool == "ort-half" else "onnxconverter_common.float16"
    kit: Any = importlib.import_module(name)

    def work() -> None:
        onnx.save(kit.convert_float_to_float16(onnx.load(source), keep_io_types=True), result)

    return work


def _peak_mb() -> int:
    """Read the most memory that this process has held; what its parent held does not count."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)


if __name__ == "__main__":
    main()
