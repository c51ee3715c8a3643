"""Print how long each stage takes on 1,000, 3,000 and 10,000 nodes: `python -m tests.benchmarks.scaling`."""

import time
from collections.abc import Callable

from compiler.analysis.cost import cost
from compiler.frontends.onnx_file import load_model
from compiler.ir import Program, digest, model_bytes, refresh_types, to_model, verify
from compiler.plan import CLEAN_UPS
from tests.support.large import chain, ladder
from tests.support.steps import apply, target

STAGES: dict[str, Callable[[Program], object]] = {
    "write": model_bytes,
    "load": lambda program: load_model(to_model(program), {}, "large"),
    "verify": verify,
    "types": refresh_types,
    "digest": digest,
    "clone": Program.clone,
    "cost": lambda program: cost(program, target().cost),
    "clean-ups": lambda program: [apply(name, program) for name in CLEAN_UPS],
    "prune": lambda program: apply("level-prune", program, {"level": 0.5}),
}
SIZES = (1_000, 3_000, 10_000)


def main() -> None:
    for make in (chain, ladder):
        print(f"{make.__name__:12}" + "".join(f"{size:>10,}" for size in SIZES))
        programs = [make(size) for size in SIZES]
        for name, stage in STAGES.items():
            print(f"{name:12}" + "".join(f"{_seconds(stage, program):10.2f}" for program in programs))


def _seconds(stage: Callable[[Program], object], program: Program) -> float:
    started = time.perf_counter()
    stage(program)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
