"""The paper's experiment: train a one-class YOLOv7-tiny, prune it at each level by each criterion, retrain, measure.

    python -m tests.benchmarks.paper_tx2 shoes /tmp/paper                  shoes of Fashion-MNIST on photographs
    python -m tests.benchmarks.paper_tx2 cells /tmp/paper --cells FOLDER   blood cells, all three kinds as one class
    python -m tests.benchmarks.paper_tx2 --page                            only tables and figures, from what is kept

`shoes` needs Debian's package dataset-fashion-mnist. `cells` needs BCCD (Shenggan/BCCD_Dataset, MIT): a folder with its
photographs and COCO JSON of both parts, train.json and val.json. For each seed a network of its own is trained; every
cell of the table prunes that one, retrains, and is measured in ONNX Runtime on images that no training has seen. On a
GPU use `--width 1 --side 640 --epochs 100 --retrained 100 --share 0.1`. The default is what two processor cores can do:
half the width on 224 pixels, and few steps of retraining, at half of the rate that trained the network instead of the
paper's tenth. With a tenth 500 steps bring level 50 (L1, shoes, seed 1) back to AP50 0.32, with half to 0.60. Each
result is added to results/paper_tx2-SET.json at once; a second run does what is missing.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from compiler.build import Options, build
from compiler.frontends.source import load_source
from compiler.inputs import scorer
from compiler.ir import model_bytes
from compiler.recipe import load_recipe
from compiler.retraining import make_training
from compiler.rewrites.write_values import write_values
from compiler.training.options import TrainingOptions
from compiler.training.train import train
from tests.benchmarks.paper_data import cells, shoes
from tests.benchmarks.paper_page import write_page
from tests.benchmarks.paper_results import LEVELS, Row, Setting, Table, keep_table, read_table

RESULTS = Path(__file__).parent / "results"
FACTORY = Path(__file__).parents[2] / "recipes" / "models" / "yolov7_tiny.py"
ANCHORS = {
    "shoes": [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]],
    # Cells are of one size for the most part: 36 pixels on this input.
    "cells": [[12, 11, 20, 19, 28, 27], [33, 32, 37, 36, 42, 40], [48, 48, 60, 60, 84, 78]],
}
RATE = 2e-3
BATCH_AGAIN = 8
"""Images in a step of retraining: half of training's, for more steps."""
CHOICES = {
    "l1": {"criterion": "l1"},
    "cluster-paper": {"criterion": "cluster", "cluster": {"preset": "paper"}},
    "cluster": {"criterion": "cluster", "cluster": {"preset": "recommended"}},
    "random": {"criterion": "random"},
    "global": {"criterion": "l1", "scope": "global", "max_level": 0.97},
}


@dataclass(frozen=True)
class Plan:
    """What is the same for all cells of a run."""

    data: str
    work: Path
    width: float
    side: int
    epochs: int
    """Of training the source; each retraining takes `retrained`."""
    retrained: int
    visits: int
    share: float
    """Of the rate that trained the source, for retraining."""


def main() -> None:
    """Train the sources, fill the table's missing cells, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=("shoes", "cells"))
    parser.add_argument("work", nargs="?", type=Path)
    parser.add_argument("--cells", type=Path, help="the folder of BCCD")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--retrained", type=int, default=4)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    if not given.page:
        torch.set_num_threads(1)
        folder = given.work / given.data
        visits = shoes(folder, given.side) if given.data == "shoes" else cells(folder, given.cells)
        plan = Plan(given.data, folder, given.width, given.side, given.epochs, given.retrained, visits, given.share)
        for seed in range(1, given.seeds + 1):
            fill(plan, seed)
    write_page(RESULTS)


def fill(plan: Plan, seed: int) -> None:
    """Build every cell of a seed that is not there yet."""
    source = plan.work / f"source-{seed}.onnx"
    if not source.exists():
        train_source(plan, seed, source)
    kept = RESULTS / f"paper_tx2-{plan.data}.json"
    table = read_table(kept) if kept.exists() else Table(setting=_told(plan))
    done = {(row.seed, row.level, row.criterion) for row in table.rows}
    for level in LEVELS:
        for name in CHOICES:
            if (seed, level, name) not in done:
                table.rows.append(one(plan, seed, level, name))
                keep_table(table, kept)


def train_source(plan: Plan, seed: int, path: Path) -> None:
    """Train a network from its own random start with the compiler's own training, and save it with its norms."""
    given = _recipe(plan, seed) | {
        "model": {
            "torch": f"{FACTORY}:build",
            "args": {"num_classes": 1, "width": plan.width},
            "inputs": {"images": [1, 3, plan.side, plan.side]},
        },
        "passes": ["fp16"],
    }
    loaded = load_recipe(_write(plan, f"source-{seed}", given), ())
    program = load_source(loaded, None).program
    options = TrainingOptions.model_validate(
        {
            "epochs": plan.epochs,
            "visits": plan.visits,
            "learning_rate": RATE,
            "teacher": "none",
            "loss": "detection",
            "weight_decay": 0.02,
            "mixed_precision": _precision(),
            "keep": "last",
        }
    )
    done = train(program, make_training(loaded, program, None, plan.work / "checkpoints", None), options, seed)
    write_values(program, done.values)
    score = scorer(loaded.recipe, program)
    assert score is not None
    print(f"seed {seed}: the source has {score(program)}", flush=True)
    path.write_bytes(model_bytes(program))


def one(plan: Plan, seed: int, level: float, name: str) -> Row:
    """Prune, retrain and measure one cell; everything is a recipe that could have been built by hand."""
    again = {"teacher": "none", "loss": "detection", "learning_rate": f"{plan.share:g}x", "epochs": plan.retrained}
    again |= {"visits": plan.visits, "weight_decay": 0.02, "mixed_precision": _precision(), "keep": "last"}
    again["batch"] = BATCH_AGAIN
    given = _recipe(plan, seed) | {
        "model": {"onnx": f"source-{seed}.onnx", "learning_rate": RATE},
        "passes": [
            {"level-prune": {"level": level, "channel_multiple": 1, **CHOICES[name]}},
            {"finetune": again},
        ],
    }
    path = _write(plan, f"{round(level * 100)}-{name}-{seed}", given)
    report = next(iter(build(path, Options(out=plan.work / "build")))).report
    pruned = next(item for item in report.passes if item.name == "level-prune")
    row = Row.model_validate(
        {
            "seed": seed,
            "level": level,
            "criterion": name,
            "source": report.source.accuracy,
            "pruned": pruned.accuracy,
            "retrained": report.result.accuracy,
            "parameters": report.result.parameters,
            "macs": report.result.macs,
            "predicted_ms": report.result.predicted_ms,
        }
    )
    print(row, flush=True)
    return row


def _recipe(plan: Plan, seed: int) -> dict[str, Any]:
    """State what all recipes share: images, how they are prepared and judged."""
    return {
        "version": 1,
        "product": plan.data,
        "data": {
            "train": {"images": "train", "coco": "train.json"},
            "validation": {"images": "val", "coco": "val.json"},
            "preprocess": {"size": [plan.side, plan.side]},
            "augment": {"flip": True, "scale": 0.2, "translate": 0.1, "brightness": 0.2},
        },
        "evaluate": {"metric": "ap50", "decode": "yolo", "anchors": ANCHORS[plan.data]},
        "target": "tx2",
        "seed": seed,
    }


def _write(plan: Plan, name: str, recipe: dict[str, Any]) -> Path:
    path = plan.work / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe | {"product": name}, sort_keys=False))
    return path


def _precision() -> str:
    """Choose half precision for training: bfloat16 on a processor, FP16 with loss scaling on a GPU."""
    return "auto" if torch.cuda.is_available() else "bf16"


def _told(plan: Plan) -> Setting:
    return Setting(
        network=f"YOLOv7-tiny, one class, {plan.width:g} of its width, {plan.side} x {plan.side} pixels",
        training=f"{plan.epochs} epochs, and {plan.retrained} after pruning at {plan.share:g} of the rate, each image "
        f"{plan.visits} times an epoch, in batches of 16 and {BATCH_AGAIN}",
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "processor",
    )


if __name__ == "__main__":
    main()
