"""How often k-means++ keeps the same filters over 5 seeds: `python -m tests.benchmarks.cluster_agreement [size]`.

Prints, for the trained quickstart detector and for YOLOv7-tiny (one class, untrained, 640 x 640 or the size given), for
both presets of the cluster criterion and two levels: in how many groups of tied layers all seeds agree, and the Jaccard
index of the kept sets (size of the intersection over size of the union) over all groups and pairs of seeds. Then, for
the trained detector, how near the outputs stay without retraining when removed channels are dropped, absorbed or
merged.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from compiler.analysis.allocation import count_at
from compiler.analysis.channels import find_channels
from compiler.analysis.criteria import ClusterOptions, ClusterRanking, rank_by_clusters
from compiler.analysis.regions import Scene
from compiler.contracts import Context, Log
from compiler.fidelity import make_probe
from compiler.frontends.onnx_file import load_model
from compiler.frontends.source import load_source
from compiler.frontends.torch_factory import export_factory
from compiler.inputs import probe_samples, scenes, scorer
from compiler.ir import Program, refresh_types
from compiler.recipe import Recipe, load_recipe
from passes.level_prune import LevelPrune
from tests.support.steps import target

RECIPES = Path(__file__).parents[2] / "recipes"
SEEDS = range(5)
LEVELS = (0.5, 0.7)
Images = Callable[[], Iterator[Scene]]


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 640
    loaded = load_recipe(RECIPES / "quickstart" / "recipe.yaml", ())
    detector = load_source(loaded, None).program
    print(f"{'network':14}{'preset':14}{'level':>6}{'groups':>8}{'agree':>7}{'median':>8}{'worst':>7}")
    _agreement("quickstart", detector, _images(loaded.recipe, detector))
    inputs = {"images": (1, 3, size, size)}
    model = export_factory("yolov7_tiny.py:build", RECIPES / "models", {"num_classes": 1}, None, inputs, 7)
    yolo = load_model(model, inputs, "yolov7-tiny").program
    _agreement("yolov7-tiny", yolo, _images(loaded.recipe, yolo))
    _removal(loaded.recipe, detector)


def _images(recipe: Recipe, program: Program) -> Images:
    """Feed the quickstart's labelled photographs at the network's own size."""
    preprocess = recipe.data.preprocess.model_copy(update={"size": None})
    found = scenes(
        recipe.model_copy(update={"data": recipe.data.model_copy(update={"preprocess": preprocess})}), program
    )
    assert found is not None
    return found


def _agreement(name: str, program: Program, images: Images) -> None:
    channels = find_channels(program)
    for preset in ("paper", "recommended"):
        ranking = rank_by_clusters(program, channels, images(), ClusterOptions(preset=preset), 0)
        assert ranking is not None
        for level in LEVELS:
            kept = [
                _kept(program, replace(ranking, seed=seed, shortfall={}, clusters={}, gone=[]), level) for seed in SEEDS
            ]
            likeness = np.array(
                [[_jaccard(one[layer], other[layer]) for one, other in combinations(kept, 2)] for layer in kept[0]]
            )
            agree = int((likeness.min(axis=1) == 1).sum())
            row = f"{name:14}{preset:14}{level:6.0%}{len(likeness):8}{agree:7}"
            print(f"{row}{np.median(likeness):8.2f}{likeness.min():7.2f}", flush=True)


def _kept(program: Program, ranking: ClusterRanking, level: float) -> dict[str, set[int]]:
    channels = find_channels(program)
    found: dict[str, set[int]] = {}
    for group in channels.groups:
        count = count_at(group.units.size, level, 1, 1).kept
        found[group.layers[0]] = set(ranking.keep(channels, group, count).tolist())
    return found


def _jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other)


def _removal(recipe: Recipe, program: Program) -> None:
    """Prune the trained detector in each way, and measure without retraining."""
    score, probe = scorer(recipe, program), make_probe(program, probe_samples(recipe, program))
    assert score is not None
    images = scenes(recipe, program)
    print(f"\n{'level':>6}  {'removed':8}{'SQNR dB':>9}{'AP50':>8}")
    for level in (0.25, 0.35, 0.45):
        for removed in ("drop", "absorb", "merge"):
            todo = LevelPrune(level=level, criterion="cluster", removed=removed, channel_multiple=1)
            context = Context(target(), np.random.default_rng(recipe.seed), scenes=images)
            pruned, decision = program.clone(), todo.decide(program, context)
            todo.rewrite(pruned, decision, Log())
            refresh_types(pruned)
            near = probe.compare(probe.outputs(pruned)).sqnr_db
            print(f"{level:6.0%}  {removed:8}{near or float('inf'):9.2f}{score(pruned)['ap50']:8.4f}", flush=True)


if __name__ == "__main__":
    main()
