"""What a least-squares start buys a swapped backbone over noise: `python -m tests.benchmarks.fitted_start`.

Swaps the backbones of the quickstart detector and of the drone recipe's small network for a random MobileNet V2, fitted
to 12 calibration images or not at all, and prints each output's relative error on 4 others. Nothing is retrained.
"""

from itertools import islice
from pathlib import Path

import numpy as np

from compiler.contracts import Context, Log
from compiler.frontends.source import load_source
from compiler.inputs import calibration
from compiler.ir import Program, model_bytes, refresh_types
from compiler.recipe import load_recipe
from compiler.reference import Session
from passes.backbone_swap import BackboneSwap
from tests.support.steps import target

RECIPES = Path(__file__).parents[2] / "recipes"
FITTED, IMAGES, SEEDS = 12, 16, 3


def main() -> None:
    """Print a line per recipe, seed and start."""
    for recipe in ("quickstart/recipe.yaml", "drone-gesture/small.yaml"):
        for seed in range(SEEDS):
            for fit in ("none", "images"):
                errors = " ".join(f"{error:.2f}" for error in _errors(recipe, seed, fit))
                print(f"{recipe} seed {seed} fit {fit}: {errors}", flush=True)


def _errors(recipe: str, seed: int, fit: str) -> list[float]:
    loaded = load_recipe(RECIPES / recipe)
    program = load_source(loaded).program
    images = calibration(loaded.recipe, program)
    assert images is not None
    samples = list(islice(images(), IMAGES))
    context = Context(target("host"), np.random.default_rng(seed), lambda: iter(samples[:FITTED]))
    options = {"to": "mobilenet-v2", "width": 0.5, "end": "narrow", "fit": fit}
    todo, twin = BackboneSwap.model_validate(options), program.clone()
    todo.rewrite(twin, todo.decide(twin, context), Log())
    refresh_types(twin)
    old, new = ([session.run(sample) for sample in samples[FITTED:]] for session in map(_session, (program, twin)))
    return [
        float(
            np.linalg.norm(np.stack([a[name] - b[name] for a, b in zip(old, new, strict=True)]))
            / np.linalg.norm(np.stack([a[name] for a in old]))
        )
        for name in program.outputs
    ]


def _session(program: Program) -> Session:
    return Session(model_bytes(program))


if __name__ == "__main__":
    main()
