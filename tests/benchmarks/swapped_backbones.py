"""Swap backbones and time both networks: `python -m tests.benchmarks.swapped_backbones OUT.json [file.onnx ...]`.

Takes PoseResNet-50, YOLOv7-tiny (untrained, from recipes/models), a ResNet-50 classifier and whatever ONNX files are
named. Each is cut where the compiler cuts by itself. In ONNX Runtime, on one core, both networks take turns; a
figure is the least processor time of the rounds: other programs on the machine slow down single rounds, by their
use of the caches and of the other half of the core, up to twofold.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from compiler.analysis.cost import cost
from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_model, load_onnx
from compiler.frontends.torch_factory import export_factory
from compiler.inputs import random_sample
from compiler.ir import Program, model_bytes, verify
from compiler.plan import CLEAN_UPS
from compiler.reference import Session
from tests.support.real_networks import with_weights
from tests.support.steps import apply, target

MODELS = Path(__file__).parents[2] / "recipes" / "models"
FACTORIES = (("pose_resnet", (1, 3, 256, 256)), ("yolov7_tiny", (1, 3, 320, 320)))
BACKBONES = ("mobilenet-v2", "shufflenet-v2")
ROUNDS = 15


def main() -> None:
    """Swap, time and print."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lines: list[dict[str, object]] = []
    for name, program in _networks():
        for backbone in BACKBONES:
            line = {"network": name, "backbone": backbone, **_swapped(program, backbone)}
            print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
            lines.append(line)
    Path(sys.argv[1]).write_text(json.dumps(lines, indent=1) + "\n", "utf-8")


def _networks() -> Iterator[tuple[str, Program]]:
    """Load the networks one after the other, cleaned up as a build does."""
    for file in map(Path, sys.argv[2:]):
        yield file.stem, _cleaned(load_onnx(file, {}).program)
    yield "resnet50", _cleaned(load_model(with_weights("resnet50"), {}, "resnet50").program)
    for name, shape in FACTORIES:
        inputs = {"images": shape}
        exported = export_factory(f"{name}.py:build", MODELS, {}, None, inputs, 7)
        yield name, _cleaned(load_model(exported, inputs, name).program)


def _cleaned(program: Program) -> Program:
    for name in CLEAN_UPS:
        program = apply(name, program, on="host").program
    return program


def _swapped(program: Program, backbone: str) -> dict[str, object]:
    """Swap and measure, or say why not."""
    try:
        applied = apply("backbone-swap", program, {"to": backbone, "fit": "none"}, on="host")
    except CompressError as error:
        return {"refused": error.diagnostics[0].message}
    if applied.refusals:
        return {"refused": applied.refusals[0].message}
    after = _cleaned(applied.program)
    if faults := verify(after):
        return {"fault": str(faults[0])}
    old, new = (cost(each, target("host").cost) for each in (program, after))
    times = _milliseconds((program, after))
    return {
        "parameters": [old.parameters, new.parameters],
        "mmac": [round(old.macs / 1e6, 1), round(new.macs / 1e6, 1)],
        "predicted_ratio": round(new.predicted_ms / old.predicted_ms, 3),
        "measured_ms": [round(each, 2) for each in times],
        "measured_ratio": round(times[1] / times[0], 3),
    }


def _milliseconds(programs: tuple[Program, Program]) -> list[float]:
    """Time both in turn, after a round to warm up."""
    sessions = [Session(model_bytes(program)) for program in programs]
    feeds = random_sample(programs[0], np.random.default_rng(0))
    times: list[list[float]] = [[], []]
    for number in range(ROUNDS + 1):
        for session, own in zip(sessions, times, strict=True):
            started = time.process_time()
            session.run(feeds)
            if number:
                own.append(1000 * (time.process_time() - started))
    return [min(own) for own in times]


if __name__ == "__main__":
    main()
