"""Fit the two publications' own tables: six frame rates of a pruned detector, and four times of a pose network.

    python -m tests.benchmarks.latency.papers

What surrounded the networks there is unknown, and a layer cost more to start than in any other published time, so that
these are models of their own. Each point is also predicted by a fit that did not see it.
"""

from collections.abc import Callable, Sequence

import numpy as np

from compiler.analysis.cost import layer_costs, live_layers
from compiler.frontends.source import load_structure
from compiler.ir import Program
from compiler.plan import CLEAN_UPS
from compiler.recipe import load_recipe
from tests.benchmarks.latency.solve import Floats, search
from tests.benchmarks.latency.zoo import RECIPES
from tests.support.steps import apply, target

Law = Callable[[Floats, Floats], float]
FRAMES = {0: 20.2, 50: 39.5, 60: 39.9, 70: 41.2, 80: 42.1, 90: 43.7}
"""Percent of filters removed from YOLOv7-tiny, and frames per second on a TX2 (Seo, Ahn, Son, Chung)."""
STEPS = {"whole": 1054.0, "backbone-swap": 704.0, "conv-factorize": 354.0, "fp16": 352.0}
"""Milliseconds per image of PoseResNet-50 on an RK3399, after each step (TTA guideline)."""


def work(program: Program, board: str) -> Floats:
    """List the 10^9 multiply-accumulates of every layer that multiplies."""
    live = live_layers(program)
    layers = layer_costs(program, target(board).cost)
    return np.array([row.executed_macs / 1e9 for row in layers if row.macs and row.layer in live])


def clean(program: Program, board: str) -> Program:
    """Fold what every build folds."""
    for name in CLEAN_UPS:
        program = apply(name, program, on=board).program
    return program


def detector() -> dict[str, tuple[Floats, float]]:
    """Prune the detector, and pair each network's layers with its time."""
    whole = clean(load_structure(load_recipe(RECIPES / "barn-camera" / "recipe.yaml")).program, "tx2")
    found: dict[str, tuple[Floats, float]] = {}
    for percent, frames in FRAMES.items():
        options = {"level": percent / 100, "channel_multiple": 1}
        pruned = apply("level-prune", whole, options, is_stand_in=True).program
        found[f"{percent} % pruned"] = (work(pruned, "tx2"), 1000 / frames)
    return found


def pose_networks() -> dict[str, Program]:
    """Take the pose network through the guideline's steps."""
    program = clean(load_structure(load_recipe(RECIPES / "drone-gesture" / "recipe.yaml")).program, "rk3399")
    options = {"backbone-swap": {"to": "mobilenet-v2"}, "conv-factorize": {"preset": "guideline"}, "fp16": {}}
    found = {"whole": program}
    for name, chosen in options.items():
        program = clean(apply(name, program, chosen, on="rk3399", is_stand_in=True).program, "rk3399")
        found[name] = program
    return found


def floors(at: Floats, gmacs: Floats) -> float:
    """Let each layer take a floor, or its work if that is longer."""
    return float(np.maximum(at[0], at[1] * gmacs).sum())


def starts(at: Floats, gmacs: Floats) -> float:
    """Let each layer take its start and its work."""
    return float((at[0] + at[1] * gmacs).sum())


def fit(law: Law, points: Sequence[tuple[Floats, float]], first: tuple[float, float]) -> Floats:
    """Search the two figures that bring relative errors down."""

    def misses(at: Floats) -> list[float]:
        return [law(np.exp(at), gmacs) / ms - 1 for gmacs, ms in points]

    return np.exp(search(misses, np.log(first), is_soft=False))


def show(title: str, law: Law, first: tuple[float, float], points: dict[str, tuple[Floats, float]]) -> None:
    """Print each point's error, with and without having seen it."""
    every = list(points.values())
    at = fit(law, every, first)
    print(f"{title}: {at[0]:.4g} ms a layer, {at[1]:.4g} ms/GMAC")
    blind: list[float] = []
    for place, (name, (gmacs, ms)) in enumerate(points.items()):
        unseen = fit(law, every[:place] + every[place + 1 :], first)
        blind.append(abs(law(unseen, gmacs) / ms - 1))
        print(f"  {name:16} {len(gmacs):3} layers {gmacs.sum():8.4f} GMAC {ms:8.1f} ms measured {law(at, gmacs):8.1f} "
              f"predicted {law(at, gmacs) / ms - 1:+6.1%}, not seen {law(unseen, gmacs) / ms - 1:+6.1%}")  # fmt: skip
    print(f"  each left out in turn: median {np.median(blind):.1%}, 90 % within {np.quantile(blind, 0.9):.1%}")


def main() -> None:
    """Print both tables."""
    show("TX2, frames of YOLOv7-tiny", floors, (0.4, 6.7), detector())
    pose = {name: (work(program, "rk3399"), STEPS[name]) for name, program in pose_networks().items()}
    show("RK3399, PoseResNet-50", starts, (4.1, 64.0), pose)


if __name__ == "__main__":
    main()
