"""The page about the guideline's drone case: times at full size from the recipes, accuracy from what is kept."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from compiler.contracts import Context
from compiler.frontends.source import load_structure
from compiler.pipeline import Instruments, run
from compiler.plan import make_plan
from compiler.recipe import load_recipe
from compiler.report.model import Costs
from tests.benchmarks.tta_data import DRONE
from tests.benchmarks.tta_results import RETRAININGS, STEPS, Row, Table

SETS = {"figures": "Drawn figures", "mouse": "Mouse on a wheel"}
PUBLISHED = {"none": ("81.4", "1054"), "g1": ("77.7", "704"), "g1-g2": ("76.3", "354"), "g1-g2-g4": ("76.0", "352")}
"""PCKh@0.5 and milliseconds of the guideline's own network on its own RK3399; `recipe` goes a step further."""
REACHED = {"none": "none", "g1": "G1 retrained", "g1-g2": "G2 retrained", "g1-g2-g4": "G4", "recipe": "ours"}
"""The step of the small network that goes as far as a recipe."""
INTRODUCTION = """\
# The guideline's drone case, with accuracy

Made by `python -m tests.benchmarks.tta_rk3399`, which says how. The guideline makes a PoseResNet-50 faster on an RK3399
in three steps: G1 puts MobileNet V2 in the place of its backbone, G2 a 1x1 convolution to few channels before each
transposed convolution, G4 stores half precision. Times are of that network at full size, as in `recipes/drone-gesture`.
Accuracy is of a small PoseResNet that a processor can train, taken through the same steps and retrained after G1 and
after G2: it shows what the steps cost, and not what the full-size network would score."""
SUMMARY = """\
*Executed* counts the zeros that Arm Compute Library multiplies in a transposed convolution. *Predicted* is what the
RK3399's cost model says of the recipe; it was fitted to the first three published times, and no board confirms the last
row. The columns of accuracy on the right are of the small network, retrained without any label."""
COLUMNS = """\
The trained network learned from all labels. *Teacher alone*: it tells the smaller network what to put out, on the same
images. The other columns take the same start and retrain with labels; with *no teacher*, with nothing else. G1 + G2 is
retrained after either step, and so for longer than G1: where it scores more, that is not the merit of G2."""


def write_page(table: Table, folder: Path) -> None:
    """Write tta_rk3399.md into the folder of results, and print it."""
    kept = [data for data in SETS if table.of(data, "teacher")]
    lines = [INTRODUCTION, "", *_summary(kept, table), "", SUMMARY]
    for data in kept:
        lines += ["", f"## {SETS[data]}", "", *section(data, table)]
    text = "\n".join([*lines, "", COLUMNS]) + "\n"
    (folder / "tta_rk3399.md").write_text(text, "utf-8")
    print(text)


def section(data: str, table: Table) -> Iterator[str]:
    """Yield the lines of one data set: a row for each step, a column for each way of retraining."""
    setting, rows = table.settings[data], [row for row in table.rows if row.data == data]
    ways = {name: found for name in RETRAININGS if (found := table.of(data, name))}
    yield f"- {setting.images}"
    yield f"- {setting.network}; trained for {setting.training}"
    yield f"- {setting.metric} in percent: a point is found within {setting.rule}"
    yield f"- saying for every image where each point is on average scores {100 * setting.guess:.1f}"
    yield ""
    titles = [f"{RETRAININGS[name]} ({_seeds(found)})" for name, found in ways.items()]
    yield f"| step | parameters | MMAC | executed MMAC | {' | '.join(titles)} |"
    yield "|---" * (4 + len(ways)) + "|"
    for step, title in STEPS.items():
        found = next(item for row in rows if (item := row.at(step)) is not None)
        sizes = f"{found.parameters:,} | {found.macs / 1e6:.1f} | {found.executed_macs / 1e6:.1f}"
        yield f"| {title} | {sizes} | {' | '.join(_spread(way, step) for way in ways.values())} |"


def _seeds(rows: Sequence[Row]) -> str:
    return "1 seed" if len(rows) == 1 else f"{len(rows)} seeds: mean, lowest to highest"


def _spread(rows: Sequence[Row], step: str) -> str:
    values = [100 * item.accuracy for row in rows if (item := row.at(step)) is not None]
    middle = f"{mean(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} to {max(values):.1f})"


def _summary(kept: Sequence[str], table: Table) -> Iterator[str]:
    """Yield a line for each of the recipe's variants: its times, and accuracy after as many steps."""
    titles = [f"{table.settings[data].metric}, {SETS[data].lower()}" for data in kept]
    head = ["recipe", "GMAC", "executed GMAC", "predicted ms", "published ms", "published PCKh@0.5", *titles]
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for name, step in REACHED.items():
        found, (accuracy, published) = _full_size(name), PUBLISHED.get(name, ("-", "-"))
        sizes = [f"{found.macs / 1e9:.2f}", f"{found.executed_macs / 1e9:.2f}", f"{found.predicted_ms:.0f}"]
        reached = [_spread(table.of(data, "teacher"), step) for data in kept]
        yield f"| {' | '.join([f'`{name}`', *sizes, published, accuracy, *reached])} |"


def _full_size(name: str) -> Costs:
    """Cost a variant of the recipe as lint does: with its real structure, and no weights."""
    loaded = load_recipe(DRONE / f"{name}.yaml")
    plan = make_plan(loaded, "rk3399")
    context = Context(plan.target, np.random.default_rng(0), is_stand_in=True)
    return run(plan, load_structure(loaded).program, context, Instruments()).costs
