"""Tables, figures and a page from the kept results of the paper's experiment."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from compiler.analysis.cost import cost
from compiler.contracts import Context, Log
from compiler.frontends.onnx_file import load_model
from compiler.frontends.torch_factory import export_factory
from compiler.ir import Program, refresh_types
from passes.level_prune import LevelPrune
from tests.benchmarks.paper_results import CRITERIA, LEVELS, Row, Table, read_table
from tests.support.steps import apply, target

PAPER = {
    "l1": {0.5: (89.0, 39.5), 0.6: (88.2, 39.9), 0.7: (88.0, 41.2), 0.8: (86.4, 42.1), 0.9: (86.5, 43.7)},
    "cluster-paper": {0.5: (89.1, 39.5), 0.6: (90.5, 39.9), 0.7: (89.2, 41.2), 0.8: (88.2, 42.1), 0.9: (87.7, 43.7)},
}
"""AP in percent and frames a second on a Jetson TX2, as the paper prints them; 93.2 and 20.2 before pruning."""
PUBLISHED_FPS = 20.2
SETS = {"shoes": "Shoes on photographs (generated)", "cells": "Blood cells (BCCD, one class)"}
HEAD = "| level | criterion | parameters | MMAC | pruned | retrained | FPS | integrated | paper: AP, FPS, integrated |"
INTRODUCTION = """\
# The paper's experiment, run again

Made by `python -m tests.benchmarks.paper_tx2`, which says how. AP50 in percent on images that no training has seen: the
mean over seeds (each seed trains a network of its own), and in brackets the lowest and the highest. FPS is what the
cost model predicts for the full-width YOLOv7-tiny at 640 x 640 on a TX2; no board was at hand. Integrated performance
is AP times FPS, as the paper has it. The global scope meets the same number of parameters with other layers, and
computes more: see its multiply-accumulates.
"""
Speeds = dict[float, float]
"""Frames a second by level; 0 is before pruning."""


def write_page(folder: Path) -> None:
    """Write paper_tx2.md and a figure for each of the paper's two into the folder of results."""
    speeds = predicted_fps()
    lines = [INTRODUCTION]
    for name, title in SETS.items():
        kept = folder / f"paper_tx2-{name}.json"
        if kept.exists():
            table = read_table(kept)
            lines += [f"## {title}", "", *section(name, table, speeds), ""]
            draw(folder, name, table, speeds)
    text = "\n".join(lines)
    (folder / "paper_tx2.md").write_text(text, "utf-8")
    print(text)


def predicted_fps() -> Speeds:
    """Predict the speed of the pruned full-size detector."""
    inputs = {"images": (1, 3, 640, 640)}
    models = Path(__file__).parents[2] / "recipes" / "models"
    model = export_factory("yolov7_tiny.py:build", models, {"num_classes": 1}, None, inputs, 7)
    program = apply("fold-batchnorm", load_model(model, inputs, "yolov7-tiny").program).program
    return {0.0: _fps(program), **{level: _fps(_pruned(program, level)) for level in LEVELS}}


def section(name: str, table: Table, speeds: Speeds) -> Iterator[str]:
    """Yield the lines of one data set."""
    sources = {row.seed: row.source["ap50"] for row in table.rows}
    setting = table.setting
    seeds = "one seed" if len(sources) == 1 else f"{len(sources)} seeds"
    yield f"{setting.network}; {setting.training}; {seeds}; trained on a {setting.device}."
    before = _spread(list(sources.values()))
    yield f"Before pruning: AP50 {before}; {speeds[0.0]:.1f} FPS predicted, {PUBLISHED_FPS} published."
    yield from ("", HEAD, "|---|---|---|---|---|---|---|---|---|")
    for level in LEVELS:
        for criterion in CRITERIA:
            here = table.at(level, criterion)
            if here:
                yield _line(level, criterion, here, speeds)
    yield from (
        "",
        "Paired over seeds and levels, AP50 points against L1 at the same level of the same network. Levels of",
    )
    yield "one network are no independent draws, so the probabilities are on the bold side:"
    yield ""
    yield from (f"- {line}" for line in paired(table.rows))
    yield ""
    yield f"![AP50 against level](paper_tx2-{name}-ap.svg) ![Integrated performance](paper_tx2-{name}-integrated.svg)"


def paired(rows: Sequence[Row]) -> Iterator[str]:
    """Compare every criterion with L1, cell by cell, by Wilcoxon's signed-rank test."""
    base = {(row.seed, row.level): row.retrained["ap50"] for row in rows if row.criterion == "l1"}
    for criterion, title in CRITERIA.items():
        pairs = [
            100 * (row.retrained["ap50"] - base[row.seed, row.level])
            for row in rows
            if row.criterion == criterion != "l1" and (row.seed, row.level) in base
        ]
        if len(pairs) > 1:
            wins, chance = sum(value > 0 for value in pairs), _chance(pairs)
            said = "chance alone could do that" if chance > 0.05 else "more than chance does"
            told = f"better in {wins} of {len(pairs)}, by {mean(pairs):+.1f} points in the mean"
            yield f"{title}: {told}; p = {chance:.3f}, {said}"


def _chance(differences: Sequence[float]) -> float:
    """Return the probability of differences at least as one-sided as these, if there were none in truth."""
    from scipy import stats

    test: Any = stats
    return float(test.wilcoxon(differences).pvalue)


def draw(folder: Path, name: str, table: Table, speeds: Speeds) -> None:
    """Draw the paper's figures 3 and 4: accuracy, and integrated performance, against the level."""
    mpl: Any = importlib.import_module("matplotlib")
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = name
    plt: Any = importlib.import_module("matplotlib.pyplot")
    for kind, title in (
        ("ap", "AP50 after retraining, %"),
        ("integrated", "AP50 after retraining, %, x predicted FPS"),
    ):
        figure, axes = plt.subplots(figsize=(5, 3.6))
        for criterion, label in CRITERIA.items():
            if kind == "integrated" and criterion == "global":
                continue
            cells = {level: table.at(level, criterion) for level in LEVELS if table.at(level, criterion)}
            worth = {level: speeds[level] if kind == "integrated" else 1.0 for level in cells}
            values = [[100 * row.retrained["ap50"] * worth[level] for row in rows] for level, rows in cells.items()]
            middle = [mean(found) for found in values]
            reach = [[m - min(found), max(found) - m] for m, found in zip(middle, values, strict=True)]
            axes.errorbar([100 * level for level in cells], middle, yerr=np.transpose(reach), capsize=2, label=label)
        axes.set_xlabel("level, %")
        axes.set_ylabel(title)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
        figure.savefig(folder / f"paper_tx2-{name}-{kind}.svg", bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)


def _line(level: float, criterion: str, rows: Sequence[Row], speeds: Speeds) -> str:
    """Write one row; speeds only where the full-size network gets the same widths, so not for the global scope."""
    retrained = [row.retrained["ap50"] for row in rows]
    speed = product = published = ""
    if criterion != "global":
        speed, product = f"{speeds[level]:.1f}", f"{100 * mean(retrained) * speeds[level]:.0f}"
    if criterion in PAPER:
        ap, fps = PAPER[criterion][level]
        published = f"{ap}, {fps}, {ap * fps:.0f}"
    pruned = _spread([row.pruned["ap50"] for row in rows])
    parameters = f"{mean(row.parameters for row in rows):,.0f}"
    cells = (
        f"{100 * level:.0f} %",
        CRITERIA[criterion],
        parameters,
        f"{mean(row.macs for row in rows) / 1e6:.1f}",
        pruned,
        _spread(retrained),
        speed,
        product,
        published,
    )
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float]) -> str:
    middle = f"{100 * mean(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def _pruned(program: Program, level: float) -> Program:
    todo = LevelPrune.model_validate({"level": level, "channel_multiple": 1})
    decision = todo.decide(program, Context(target(), np.random.default_rng(7)))
    twin = program.clone()
    todo.rewrite(twin, decision, Log())
    refresh_types(twin)
    return twin


def _fps(program: Program) -> float:
    return 1000 / cost(program, target().cost).predicted_ms
