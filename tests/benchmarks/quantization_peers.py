"""Quantise trained networks with ours and with other tools, and compare all in one run.

    python -m tests.benchmarks.quantization_peers OUT.json FOLDER [network ...]

FOLDER holds the networks that `quantization_networks` names. ONNX Runtime's `quantize_static` and float16 converter are
there; NNCF and onnxconverter-common take part if they can be imported (install them without dependencies into a folder
of their own and name it in PYTHONPATH). Each tool runs in its own process on one core, on 64 images; ours also on 128,
to show that memory does not grow. Ours and the fastest peer are timed five times, in turns, and the least counts. Rows
hold: signal-to-noise ratio of the worst output against the float network on images that no tool saw, accuracy, seconds,
peak memory in MB, bytes, and the median time of an inference as a ratio to the float network's, all taking turns.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from compiler.ir import Array, model_bytes
from compiler.reference import RefusedError, Session
from tests.benchmarks.quantization_networks import Feeds, Network, networks
from tests.benchmarks.quantization_tools import HALF, NNCF, ORT, OURS

IMAGES, MORE = 64, 128
TIMED, TIMES = ("ours", "ours-minmax-alone", "ort-minmax"), 4
"""Tools whose time is taken again, in turns; the least counts."""
TURNS = 30
Row = dict[str, object]


def main() -> None:
    """Go through networks and tools, print a line each, and keep all."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # an inference on one core, as all else here
    out, folder, chosen = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    rows = list[Row]()
    for network in networks(folder):
        if chosen and network.name not in chosen:
            continue
        for row in _compared(network):
            print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            rows.append(row)
    out.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", "utf-8")


def _tools() -> Iterator[str]:
    """Name the tools that are there."""
    is_there = {"nncf": _has("nncf"), "onnxconverter-common-half": _has("onnxconverter_common")}
    for tool in (*OURS, *ORT, *NNCF, *HALF):
        if is_there.get("nncf" if tool in NNCF else tool, True):
            yield tool


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _compared(network: Network) -> Iterator[Row]:
    """Run every tool on a network, and judge what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder, samples = Path(name), Path(name, "samples")
        samples.mkdir()
        for number, feeds in enumerate(islice(network.calibration(), MORE)):
            arrays: dict[str, Any] = dict(feeds)
            np.savez(samples / f"{number:04}.npz", **arrays)
        (folder / "float.onnx").write_bytes(model_bytes(network.program))
        found = {tool: _run(tool, folder, IMAGES) for tool in _tools()}
        for _ in range(TIMES):
            for tool in TIMED:
                again = _run(tool, folder, IMAGES, "again")
                if "failed" not in again and cast(float, again["cpu_s"]) < cast(float, found[tool]["cpu_s"]):
                    found[tool] |= {"wall_s": again["wall_s"], "cpu_s": again["cpu_s"]}
        if "peak_mb" in found["ours"] and len(list(samples.iterdir())) >= MORE:
            found["ours"][f"peak_mb_at_{MORE}"] = _run("ours", folder, MORE, "again")["peak_mb"]
        yield from _judged(network, folder, found)


def _run(tool: str, folder: Path, count: int, result: str = "") -> Row:
    """Run a tool in a process of its own."""
    files = [str(folder / "float.onnx"), str(folder / "samples"), str(count), str(folder / f"{result or tool}.onnx")]
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.quantization_tools", tool, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["?"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _judged(network: Network, folder: Path, found: Mapping[str, Row]) -> Iterator[Row]:
    """Add what each tool's network is worth."""
    sessions, failed = {"float": Session((folder / "float.onnx").read_bytes())}, dict[str, str]()
    for tool, line in found.items():
        try:
            if "failed" not in line:
                sessions[tool] = Session((folder / f"{tool}.onnx").read_bytes())
        except RefusedError as error:
            failed[tool] = f"ONNX Runtime does not load it: {error}"[:200]
    times = _times(sessions, network.judged[0])
    exact = sessions["float"]
    for tool in ("float", *found):
        row: Row = {"network": network.name, "tool": tool}
        if tool in sessions:
            value = network.accuracy(exact.run, sessions[tool].run)
            row |= {"sqnr_db": round(_quiet(exact, sessions[tool], network.judged), 2), network.figure: round(value, 4)}
            row |= {
                "bytes": (folder / f"{tool}.onnx").stat().st_size,
                "latency": round(times[tool] / times["float"], 3),
            }
        yield row | found.get(tool, {}) | ({"failed": failed[tool]} if tool in failed else {})


def _quiet(exact: Session, noisy: Session, judged: tuple[Feeds, ...]) -> float:
    """Return the worst output's signal-to-noise ratio in dB over all images."""
    signal: dict[str, float] = {}
    noise: dict[str, float] = {}
    for sample in judged:
        wanted, found = exact.run(sample), noisy.run(sample)
        for name, value in wanted.items():
            signal[name] = signal.get(name, 0.0) + _square(value)
            noise[name] = noise.get(name, 0.0) + _square(value - found[name])
    return min(10 * float(np.log10(signal[name] / max(noise[name], 1e-20 * signal[name]))) for name in signal)


def _square(value: Array) -> float:
    return float(np.square(value, dtype=np.float64).sum())


def _times(sessions: Mapping[str, Session], sample: Feeds) -> dict[str, float]:
    """Time each session in turns, so that a busy machine troubles all alike; return medians in seconds."""
    found: dict[str, list[float]] = {title: [] for title in sessions}
    for _ in range(TURNS):
        for title, session in sessions.items():
            session.run(sample)  # what the others left in the processor's memory goes first
            started = time.perf_counter()
            session.run(sample)
            found[title].append(time.perf_counter() - started)
    return {title: statistics.median(values) for title, values in found.items()}


if __name__ == "__main__":
    main()
