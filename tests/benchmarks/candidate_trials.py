"""How candidates of `backbone-swap` train, fitted or not: `python -m tests.benchmarks.candidate_trials OUT.json`.

Swaps backbones into the quickstart detector and the drone recipe's small pose network, as `candidates` does, and trains
each as a trial does, with the network before as teacher and no label: for several numbers of epochs, from the
least-squares start and from noise. Accuracy is the recipe's own, from epoch 0 on; the loss is the mean distance from
the teacher in each epoch. The name of a recipe's folder after OUT.json runs that one only.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from compiler.contracts import Context, Log
from compiler.frontends.source import load_source
from compiler.inputs import calibration, scorer
from compiler.ir import Program, refresh_types
from compiler.plan import CLEAN_UPS
from compiler.recipe import LoadedRecipe, load_recipe
from compiler.retraining import make_training
from compiler.training.train import train
from passes.backbone_swap import BackboneSwap
from passes.backbones.trial import trial_options
from tests.support.steps import apply, target

RECIPES = Path(__file__).parents[2] / "recipes"
BACKBONES = ("mobilenet-v1", "mobilenet-v2", "shufflenet-v2")
SEED, WIDTH = 7, 0.5


@dataclass(frozen=True)
class Case:
    """A recipe, and for how many epochs each backbone is trained, once for each entry."""

    recipe: str
    epochs: tuple[int, ...]


CASES = (Case("quickstart/recipe.yaml", (1, 3, 8, 40)), Case("drone-gesture/small.yaml", (1,)))


def main() -> None:
    """Print a line per training, write them all, as far as they are done."""
    lines: list[dict[str, object]] = []
    for case in CASES:
        if not sys.argv[2:] or case.recipe.split("/")[0] in sys.argv[2:]:
            for line in _lines(case):
                print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
                lines.append(line)
                Path(sys.argv[1]).write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n", "utf-8")


def _lines(case: Case) -> Iterator[dict[str, object]]:
    loaded = load_recipe(RECIPES / case.recipe)
    source = load_source(loaded).program
    program = source
    for name in CLEAN_UPS:
        program = apply(name, program, on="host").program
    for epochs, fit in product(case.epochs, ("images", "none")):
        for backbone in BACKBONES:
            started = time.monotonic()
            accuracy, loss = _curve(loaded, source, _swapped(loaded, program, backbone, fit), epochs)
            yield {
                "recipe": case.recipe,
                "backbone": backbone,
                "fit": fit,
                "epochs": epochs,
                "best": max(accuracy[1:]),
                "accuracy": accuracy,
                "loss": loss,
                "seconds": round(time.monotonic() - started),
            }


def _swapped(loaded: LoadedRecipe, program: Program, backbone: str, fit: str) -> Program:
    """Put a backbone in place, started from the calibration images or from noise."""
    twin = program.clone()
    context = Context(target("host"), np.random.default_rng(SEED), calibration(loaded.recipe, program))
    todo = BackboneSwap.model_validate({"to": backbone, "width": WIDTH, "end": "narrow", "fit": fit})
    todo.rewrite(twin, todo.decide(twin, context), Log())
    refresh_types(twin)
    return twin


def _curve(loaded: LoadedRecipe, source: Program, student: Program, epochs: int) -> tuple[list[float], list[float]]:
    """Train as a trial does; tell the accuracy after each epoch, from epoch 0 on, and the loss of each."""
    training = make_training(loaded, source, scorer(loaded.recipe, source), None, None)
    done = train(student, training, trial_options(epochs), SEED)
    accuracy = [round(line.metrics[training.metric], 4) for line in done.lines]
    return accuracy, [float(f"{line.loss:.4g}") for line in done.lines[1:]]


if __name__ == "__main__":
    main()
