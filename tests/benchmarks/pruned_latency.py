"""YOLOv7-tiny pruned at each published level: `python -m tests.benchmarks.pruned_latency [rounds] [size]`.

Prints parameters, MACs, the latency that the TX2's profile predicts, and the latency that ONNX Runtime really has on
this machine, each also as a ratio to level 0 of the same run. Every round runs each level once, so that whatever else
the machine does falls on all of them alike; the figure is the median over rounds.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

from compiler.analysis.cost import Cost, cost
from compiler.frontends.onnx_file import load_model
from compiler.frontends.torch_factory import export_factory
from compiler.ir import Program, model_bytes
from compiler.plan import CLEAN_UPS
from compiler.reference import Session
from tests.support.steps import apply, target

MODELS = Path(__file__).parents[2] / "recipes" / "models"
LEVELS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 640
    inputs = {"images": (1, 3, size, size)}
    model = export_factory("yolov7_tiny.py:build", MODELS, {"num_classes": 1}, None, inputs, 7)
    whole = load_model(model, inputs, "yolov7-tiny").program
    pruned = [_pruned(whole, level) for level in LEVELS]
    costs = [cost(program, target("tx2").cost) for program in pruned]
    times = _milliseconds(pruned, rounds, (1, 3, size, size))
    heads = ("level", "parameters", "ratio", "GMAC", "ratio", "TX2 ms", "ratio", "host ms", "ratio", "middle half")
    print("".join(f"{head:>13}" for head in heads))
    for level, found, measured in zip(LEVELS, costs, times, strict=True):
        print(f"{level:>13.0%}" + "".join(f"{cell:>13}" for cell in _row(found, costs[0], measured, times[0])))


def _pruned(whole: Program, level: float) -> Program:
    program = apply("level-prune", whole, {"level": level, "channel_multiple": 1}).program if level else whole
    for name in CLEAN_UPS:
        program = apply(name, program).program
    return program


def _milliseconds(programs: list[Program], rounds: int, shape: tuple[int, ...]) -> list[list[float]]:
    """Time each program once a round, after a round to warm up; give the times sorted."""
    sessions = [Session(model_bytes(program)) for program in programs]
    feeds = {programs[0].inputs[0]: np.random.default_rng(0).random(shape, dtype=np.float32)}
    times: list[list[float]] = [[] for _ in sessions]
    for number in range(rounds + 1):
        for session, own in zip(sessions, times, strict=True):
            started = time.perf_counter()
            session.run(feeds)
            if number:
                own.append(1000 * (time.perf_counter() - started))
    return [sorted(own) for own in times]


def _row(found: Cost, first: Cost, measured: list[float], at_first: list[float]) -> list[str]:
    middle, base = statistics.median(measured), statistics.median(at_first)
    quarter = len(measured) // 4
    return [
        f"{found.parameters:,}",
        f"{found.parameters / first.parameters:.4f}",
        f"{found.macs / 1e9:.4f}",
        f"{found.macs / first.macs:.4f}",
        f"{found.predicted_ms:.1f}",
        f"{found.predicted_ms / first.predicted_ms:.3f}",
        f"{middle:.1f}",
        f"{middle / base:.3f}",
        f"{measured[quarter]:.1f}-{measured[-1 - quarter]:.1f}",
    ]


if __name__ == "__main__":
    main()
