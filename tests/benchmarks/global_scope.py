"""Compare level-prune's two scopes at equal parameters: `python -m tests.benchmarks.global_scope`.

The quickstart detector is trained and measured by AP50 on its validation images; YOLOv7-tiny at 640x640 is untrained,
so that only its fidelity says anything, and little. Nothing is retrained. The seconds are those of the decision.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from compiler.analysis.cost import cost
from compiler.contracts import Context, Log
from compiler.fidelity import Probe, make_probe
from compiler.frontends.onnx_file import load_model
from compiler.frontends.source import load_source
from compiler.frontends.torch_factory import export_factory
from compiler.inputs import calibration, probe_samples, random_sample, scenes, scorer
from compiler.ir import Program, refresh_types
from compiler.recipe import load_recipe
from passes.level_prune import LevelPrune
from tests.support.steps import apply, target

RECIPES = Path(__file__).parents[2] / "recipes"
INPUTS = {"images": (1, 3, 640, 640)}


def main() -> None:
    """Print one table per network."""
    loaded = load_recipe(RECIPES / "quickstart" / "recipe.yaml", ())
    program = apply("fold-batchnorm", load_source(loaded, None).program).program
    context = Context(
        target(), np.random.default_rng(7), calibration(loaded.recipe, program), scenes(loaded.recipe, program)
    )
    probe = make_probe(program, probe_samples(loaded.recipe, program))
    for criterion in ("l1", "cluster"):
        for level in (0.25, 0.375, 0.5, 0.6):
            compare("quickstart", program, context, probe, criterion, level, scorer(loaded.recipe, program))
    model = export_factory("yolov7_tiny.py:build", RECIPES / "models", {"num_classes": 1}, None, INPUTS, 7)
    program = apply("fold-batchnorm", load_model(model, INPUTS, "yolov7-tiny").program).program
    probe = make_probe(program, [random_sample(program, np.random.default_rng(seed)) for seed in range(2)])
    for level in (0.5, 0.7):
        compare("yolov7-tiny", program, Context(target(), np.random.default_rng(7)), probe, "l1", level, None)


def compare(  # noqa: PLR0913, PLR0917 - a network, what it is measured with, and what is done to it
    name: str,
    program: Program,
    context: Context,
    probe: Probe,
    criterion: str,
    level: float,
    score: Callable[[Program], Mapping[str, float]] | None,
) -> None:
    """Print a line per scope: parameters, MACs, predicted ms, fidelity, AP50, seconds of the decision."""
    for scope in ("local", "global"):
        todo = LevelPrune.model_validate(
            {"level": level, "criterion": criterion, "scope": scope, "channel_multiple": 1}
        )
        started, worked = time.perf_counter(), time.process_time()
        decision = todo.decide(program, context)
        seconds, work = time.perf_counter() - started, time.process_time() - worked
        twin = program.clone()
        todo.rewrite(twin, decision, Log())
        refresh_types(twin)
        found, fidelity = cost(twin, context.target.cost), probe.compare(probe.outputs(twin))
        ap50 = "" if score is None else f"  AP50 {score(twin)['ap50']:.3f}"
        figures = f"{found.parameters:>10,} parameters {found.macs / 1e6:8.1f} MMAC {found.predicted_ms:7.2f} ms"
        close = f"{fidelity.sqnr_db or 0:6.1f} dB{ap50}  decided in {seconds:.1f} s, {work:.1f} s of CPU"
        print(f"{name:12} {criterion:8} {level:5} {scope:7} {figures} {close}", flush=True)


if __name__ == "__main__":
    main()
