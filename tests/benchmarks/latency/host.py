"""Time networks in floats and in integers on this machine, and fit the latency model of the profile `host` to them.

    python -m tests.benchmarks.latency.host [--side 224] FILE.onnx ...

The files may be those that `tests.benchmarks.architectures` leaves in its folder (exported for images of 64x64, which
`--side` enlarges), or any other networks of one image input. It prints for each the measured milliseconds, the least of
several runs in ONNX Runtime on one core, beside the profile's prediction; then the coefficients that fit best, and how
far they are off for networks left out of the fit. Run it on a quiet machine.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import onnx
from scipy import optimize

from compiler.analysis.cost import cost, layer_costs
from compiler.contracts import Context, Log, Sample
from compiler.frontends.onnx_file import load_model
from compiler.inputs import random_sample
from compiler.ir import Program, model_bytes
from compiler.reference import Session
from compiler.registry import load_named_target, load_pass
from compiler.target import CostModel
from tests.benchmarks.latency.solve import Floats
from tests.benchmarks.quantization_networks import cleaned

_RUNS, _IMAGES = 15, 4
_TRUST = 0.3
"""How much the present coefficients count against the measurements: what few networks have is not made up."""
_BY_BYTES = ("gemm", "other")


@dataclass(frozen=True)
class Case:
    """A network in one precision: what it took, what the profile says, and its work by coefficient."""

    name: str
    precision: str
    ms: float
    predicted_ms: float
    work: Mapping[str, float]


def main() -> None:
    """Measure, fit, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int)
    parser.add_argument("files", nargs="+", type=Path)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    model, found = load_named_target("host").cost, list[Case]()
    for file in asked.files:
        for case in _measured(file, asked.side, model):
            print(f"{case.name} {case.precision}: {case.ms:.2f} ms, predicted {case.predicted_ms:.2f}", flush=True)
            found.append(case)
    names = sorted({name for case in found for name in case.work})
    now = np.array([_coefficient(model, name) for name in names])
    for name, value in zip(names, _fit(found, names, now), strict=True):
        print(f"{name}: {1 / value if 'GB/s' in name else value:.4g}")
    off = np.array([miss for left in {case.name for case in found} for miss in _misses(found, left, names, now)])
    print(f"left out of the fit: half within {np.median(off):.0%}, nine of ten within {np.quantile(off, 0.9):.0%}")


def _measured(file: Path, side: int | None, model: CostModel) -> list[Case]:
    """Time a network as it is and quantised."""
    proto = onnx.load(file)
    if side is not None:
        for dimension in proto.graph.input[0].type.tensor_type.shape.dim[2:]:
            dimension.dim_value = side
        del proto.graph.value_info[:]
    plain = cleaned(load_model(proto, {}, file.name).program)
    samples = [random_sample(plain, np.random.default_rng(seed)) for seed in range(_IMAGES)]
    whole, todo = plain.clone(), load_pass("ptq").model_validate({"calibrate": "minmax"})
    context = Context(load_named_target("host"), np.random.default_rng(7), lambda: iter(samples))
    todo.rewrite(whole, todo.decide(whole, context), Log())
    name = f"{file.parent.name}/{file.name}"
    return [
        Case(name, precision, _best_ms(program, samples[0]), cost(program, model).predicted_ms, _work(program, model))
        for precision, program in (("floats", plain), ("integers", whole))
    ]


def _best_ms(program: Program, sample: Sample) -> float:
    session = Session(model_bytes(program))
    spent: list[float] = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        session.run(sample)
        spent.append(time.perf_counter() - start)
    return 1e3 * min(spent)


def _work(program: Program, model: CostModel) -> Mapping[str, float]:
    """Add up layers to start, 10^9 multiply-accumulates by class, and 10^6 bytes of what only moves them."""
    work = defaultdict[str, float](float)
    for row in layer_costs(program, model):
        if row.kind == "fused":
            continue
        work["launch"] += 1
        if row.rated in _BY_BYTES:
            work[f"{row.rated} {row.precision} GB/s"] += row.bytes / 1e6
        else:
            work[f"{row.rated} {row.precision} ms/GMAC"] += row.executed_macs / 1e9
    return work


def _coefficient(model: CostModel, name: str) -> float:
    """Look up what the profile says now, speeds as times."""
    if name == "launch":
        return model.classes["conv"].launch_ms
    kind, precision, unit = name.split(" ")
    rates = model.classes[kind]
    return 1 / model.speed(rates, precision) if unit == "GB/s" else rates.ms_per_gmac[precision]


def _fit(cases: Sequence[Case], names: Sequence[str], now: Floats) -> Floats:
    """Solve for coefficients that are not negative: least squares of shares of the measured times."""
    times = np.array([case.ms for case in cases])
    parts = np.array([[case.work.get(name, 0.0) for name in names] for case in cases]) * now / times[:, None]
    rows = np.vstack([parts, _TRUST * np.eye(len(names))])
    wanted = np.concatenate([np.ones(len(cases)), np.full(len(names), _TRUST)])
    solved = cast("tuple[Floats, float]", optimize.nnls(rows, wanted))  # pyright: ignore[reportUnknownMemberType] - scipy types it in part
    return solved[0] * now


def _misses(cases: Sequence[Case], left: str, names: Sequence[str], now: Floats) -> list[float]:
    """Predict a network from the others."""
    at = _fit([case for case in cases if case.name != left], names, now)
    own = [case for case in cases if case.name == left]
    return [abs(sum(case.work.get(n, 0.0) * v for n, v in zip(names, at, strict=True)) / case.ms - 1) for case in own]


if __name__ == "__main__":
    main()
