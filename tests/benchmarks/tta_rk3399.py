"""The guideline's drone case with real accuracy: train a PoseResNet, take its steps, retrain after each, measure.

    python -m tests.benchmarks.tta_rk3399 figures /tmp/tta                   drawn figures of recipes/drone-gesture
    python -m tests.benchmarks.tta_rk3399 mouse /tmp/tta --mouse FOLDER      a mouse on a wheel, seen from two sides
    python -m tests.benchmarks.tta_rk3399 --page                             only the page, from what is kept

`mouse` needs the example frames of paninski-lab/lightning-pose (MIT, data/mirror-mouse-example): a folder with the
frames and COCO keypoint JSON, 70 frames in train.json and 20 in val.json. For each seed a network of its own is trained
by labels; each cell takes that one through the guideline's steps in one recipe and retrains in one way. G2 brings 64
channels down to 16, a quarter as 256 to 64 in the guideline. The networks are small, and on the RK3399 a small network
is bound by what layers take to start, so that no step would gain there; the recipes are built for its profile with that
one figure at zero. Accuracy is measured in ONNX Runtime on images that no training has seen, and the last epoch's
weights are taken, not the best. Each result is added to results/tta_rk3399.json at once; a second run does what is
missing. On one core of 2024 both sets and two seeds take more than an hour.
"""

import argparse
import json
from collections.abc import Sequence
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
from compiler.registry import target_files
from compiler.report.model import BuildReport, PassReport
from compiler.retraining import make_training
from compiler.rewrites.write_values import write_values
from compiler.training.options import TrainingOptions
from compiler.training.train import train
from tests.benchmarks.paper_results import keep_table
from tests.benchmarks.tta_data import box_lengths, figures, guess, head_lengths, labelled_points, mouse
from tests.benchmarks.tta_page import write_page
from tests.benchmarks.tta_results import RETRAININGS, Row, Setting, Step, read_table

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "tta_rk3399.json"
FACTORY = Path(__file__).parents[2] / "recipes" / "models" / "pose_resnet.py"
LOSS = f"{Path(__file__).parent / 'tta_loss.py'}:peaks"
NETWORK = {"stem": 16, "stages": [[16, 2, 1], [32, 2, 2], [48, 3, 2], [64, 2, 2]], "upsampler": 64}
SIDE, RATE, RANK = 128, 3e-3, 16


@dataclass(frozen=True)
class Plan:
    """What is the same for all cells of a data set."""

    data: str
    joints: int
    evaluate: dict[str, Any]
    augment: dict[str, Any]
    visits: int
    """How often an epoch visits each training image."""
    epochs: tuple[int, int, int]
    """Of the source, after G1, and after G2."""
    retrainings: tuple[str, ...]


PLANS = {
    "figures": Plan(
        "figures",
        16,
        {"metric": "pckh", "head": [8, 9], "decode": "heatmap"},
        {"flip": True, "flip_pairs": [[0, 5], [1, 4], [2, 3], [10, 15], [11, 14], [12, 13]], "brightness": 0.2},
        1,
        (14, 6, 3),
        ("teacher", "both", "few", "all"),
    ),
    "mouse": Plan(
        "mouse",
        17,
        {"metric": "pck", "threshold": 0.05, "decode": "heatmap"},
        {"scale": 0.1, "translate": 0.05, "rotate": 8, "brightness": 0.3, "contrast": 0.2},
        16,
        (12, 8, 4),
        ("teacher", "both", "few"),
    ),
}


def main() -> None:
    """Train the sources, fill the table's missing cells, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=tuple(PLANS))
    parser.add_argument("work", nargs="?", type=Path)
    parser.add_argument("--mouse", type=Path, help="the folder of frames and labels")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--ways", nargs="+", choices=tuple(RETRAININGS), help="retrain in these ways only")
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    if not given.page:
        if given.work is None or (given.data == "mouse") != (given.mouse is not None):
            parser.error("name a data set and a folder to work in; mouse, and only that, needs --mouse")
        torch.set_num_threads(1)
        plan, folder = PLANS[given.data], given.work / given.data
        prepare(plan, folder, given.mouse)
        for seed in range(1, given.seeds + 1):
            fill(plan, folder, seed, [way for way in plan.retrainings if way in (given.ways or plan.retrainings)])
    write_page(read_table(KEPT), RESULTS)


def prepare(plan: Plan, folder: Path, frames: Path | None) -> None:
    """Write what all cells of a data set need, and keep what they share."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_board(folder)
    if frames is None:
        figures(folder)
    else:
        mouse(folder, frames)
    table = read_table(KEPT)
    table.settings[plan.data] = _setting(plan, folder)
    keep_table(table, KEPT)


def fill(plan: Plan, folder: Path, seed: int, ways: Sequence[str]) -> None:
    """Build every cell of a seed that is not there yet."""
    if not (folder / f"source-{seed}.onnx").exists():
        train_source(plan, folder, seed)
    for retraining in ways:
        if any(row.seed == seed for row in read_table(KEPT).of(plan.data, retraining)):
            continue
        row = one(plan, folder, seed, retraining)
        table = read_table(KEPT)  # again: the other set may have been added to in the meantime
        table.rows.append(row)
        keep_table(table, KEPT)


def train_source(plan: Plan, folder: Path, seed: int) -> None:
    """Train a network with the compiler's own training, and save it with its norms."""
    given = _recipe(plan, "train.json", seed) | {
        "model": {
            "torch": f"{FACTORY}:build",
            "args": {"num_joints": plan.joints, **NETWORK},
            "inputs": {"images": [1, 3, SIDE, SIDE]},
        },
        "passes": ["fp16"],
    }
    loaded = load_recipe(_write(folder, f"source-{seed}", given), ())
    program = load_source(loaded, None).program
    options = TrainingOptions.model_validate(
        {"teacher": "none", "loss": LOSS, **_training(plan.epochs[0], RATE, plan.visits)}
    )
    done = train(program, make_training(loaded, program, None, folder / "checkpoints", None), options, seed)
    write_values(program, done.values)
    score = scorer(loaded.recipe, program)
    assert score is not None
    print(f"{plan.data}, seed {seed}: the source has {score(program)}", flush=True)
    (folder / f"source-{seed}.onnx").write_bytes(model_bytes(program))


def one(plan: Plan, folder: Path, seed: int, retraining: str) -> Row:
    """Take a source through the steps twice, as the guideline does and with its transposed convolutions split.

    Both are recipes that could have been built by hand. The second takes up the first one's trainings.
    """
    first = _report(plan, folder, seed, retraining, ["fp16"])
    second = _report(plan, folder, seed, retraining, ["deconv-split", "fp16"])
    swap, swapped, split, factored, half = _passes(first)
    last = _passes(second)[-1]
    metric = plan.evaluate["metric"]
    assert first.source is not None and first.source.accuracy is not None
    before = Step(name="none", accuracy=_figure(first.source.accuracy[metric]), **_costs(swap.before))
    named = {"G1": swap, "G1 retrained": swapped, "G2": split, "G2 retrained": factored, "G4": half, "ours": last}
    steps = [before, *(_step(name, item, metric) for name, item in named.items())]
    row = Row(data=plan.data, seed=seed, retraining=retraining, steps=steps)
    print(row.seed, row.retraining, {step.name: round(step.accuracy, 3) for step in steps}, flush=True)
    return row


def _report(plan: Plan, folder: Path, seed: int, retraining: str, last: list[str]) -> BuildReport:
    coco = {"both": "few.json", "few": "only-few.json"}.get(retraining, "train.json")
    coco = coco if (folder / coco).exists() else "train.json"
    images = len(json.loads((folder / coco).read_text("utf-8"))["images"])
    visits = plan.visits * _images(folder) // images
    how = {"teacher": "source" if retraining in ("teacher", "both") else "none"}
    how["loss"] = "none" if retraining == "teacher" else LOSS
    given = _recipe(plan, coco, seed) | {
        "model": {"onnx": f"source-{seed}.onnx", "learning_rate": RATE},
        "passes": [
            {"backbone-swap": {"to": "mobilenet-v2", "width": 0.35, "end": "narrow"}},
            {"finetune": {**how, **_training(plan.epochs[1], "1x", visits)}},
            {"conv-factorize": {"rank": RANK, "only": ["ConvTranspose"], "fit": "outputs"}},
            {"finetune": {**how, **_training(plan.epochs[2], "0.25x", visits)}},
            *last,
        ],
    }
    path = _write(folder, f"{retraining}-{seed}-{len(last)}", given)
    return next(iter(build(path, Options(out=folder / "build")))).report


def _passes(report: BuildReport) -> list[PassReport]:
    """Take the recipe's own passes, without the clean-ups between them."""
    names = ("backbone-swap", "finetune", "conv-factorize", "deconv-split", "fp16")
    return [item for item in report.passes if item.name in names]


def _step(name: str, item: PassReport, metric: str) -> Step:
    assert item.accuracy is not None
    return Step(name=name, accuracy=_figure(item.accuracy[metric]), **_costs(item.after))


def _costs(found: Any) -> dict[str, int]:
    return {"parameters": found.parameters, "macs": found.macs, "executed_macs": found.executed_macs}


def _figure(value: float | None) -> float:
    assert value is not None
    return round(value, 6)


def _training(epochs: int, rate: float | str, visits: int) -> dict[str, Any]:
    precision = "auto" if torch.cuda.is_available() else "bf16"
    same = {"batch": 16, "weight_decay": 0.02, "mixed_precision": precision, "keep": "last"}
    return {"epochs": epochs, "learning_rate": rate, "visits": visits, **same}


def _recipe(plan: Plan, coco: str, seed: int) -> dict[str, Any]:
    """State what all recipes share: images, how they are prepared and judged, and the board."""
    return {
        "version": 1,
        "data": {
            "calibration": {"images": "train", "coco": "train.json", "limit": 48},
            "train": {"images": "train", "coco": coco},
            "validation": {"images": "val", "coco": "val.json"},
            "preprocess": {"size": [SIDE, SIDE], "resize": "stretch"},
            "augment": plan.augment,
        },
        "evaluate": plan.evaluate,
        "target": "board.yaml",
        "seed": seed,
    }


def _setting(plan: Plan, folder: Path) -> Setting:
    """Say what all cells share, and what always saying the same would score."""
    train_set, val = (json.loads((folder / f"{part}.json").read_text("utf-8")) for part in ("train", "val"))
    if plan.evaluate["metric"] == "pckh":
        lengths, metric = 0.5 * head_lengths(val, plan.evaluate["head"]), "PCKh@0.5"
        rule = f"half of the head's length, which is {lengths.mean():.1f} pixels on average"
    else:
        share = plan.evaluate["threshold"]
        lengths, metric = share * box_lengths(val), f"PCK@{share:g}"
        rule = f"{share:.0%} of the frame's longer side, {lengths.mean():.1f} pixels; no head is labelled to measure by"
    seen, measured = (len(part["images"]) for part in (train_set, val))
    points = int((labelled_points(val)[:, :, 2] > 0).sum())
    steps = [count * plan.visits * seen // 16 for count in plan.epochs]
    return Setting(
        metric=metric,
        rule=rule,
        images=f"{seen:,} images to train with, {measured} others to measure on with {points:,} labelled points",
        network=f"PoseResNet with {plan.joints} heat maps for {SIDE} x {SIDE} pixels",
        training=f"{steps[0]:,} steps of 16 images, then {steps[1]:,} after G1 and {steps[2]:,} after G2",
        guess=round(guess(train_set, val, lengths), 4),
    )


def _images(folder: Path) -> int:
    return len(json.loads((folder / "train.json").read_text("utf-8"))["images"])


def _write(folder: Path, name: str, recipe: dict[str, Any]) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe | {"product": name}, sort_keys=False), "utf-8")
    return path


def _write_board(folder: Path) -> None:
    """Write the RK3399's profile with layers that start at no cost, so that steps apply as on a full-size network."""
    profile = yaml.safe_load(target_files("rk3399")[0].read_text("utf-8"))
    for kind in profile["cost"]["classes"].values():
        kind.pop("launch_ms", None)
    profile["name"] = "rk3399-without-launches"
    (folder / "board.yaml").write_text(yaml.safe_dump(profile, sort_keys=False), "utf-8")


if __name__ == "__main__":
    main()
