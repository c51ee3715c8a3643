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
INTRODUCTION = """\
# The guideline's drone case, with accuracy

Made by `python -m tests.benchmarks.tta_rk3399`, which says how. Times belong to the full-size PoseResNet-50 of
`recipes/drone-gesture`; accuracy belongs to a small one that a processor can train, taken through the same steps.

## Time at full size

Predicted by the RK3399's cost model from the recipes themselves; published are the guideline's times and accuracy.

| recipe | GMAC | executed | predicted ms | published ms | published PCKh@0.5 |
|---|---|---|---|---|---|"""


def write_page(table: Table, folder: Path) -> None:
    """Write tta_rk3399.md into the folder of results, and print it."""
    lines = [INTRODUCTION, *_times()]
    for data, title in SETS.items():
        if any(row.data == data for row in table.rows):
            lines += ["", f"## {title}", "", *section(data, table)]
    text = "\n".join(lines) + "\n"
    (folder / "tta_rk3399.md").write_text(text, "utf-8")
    print(text)


def section(data: str, table: Table) -> Iterator[str]:
    """Yield the lines of one data set: a row for each step, a column for each way of retraining."""
    setting, rows = table.settings[data], [row for row in table.rows if row.data == data]
    names = [name for name in RETRAININGS if table.of(data, name)]
    seeds = len({row.seed for row in rows})
    yield f"{setting.network}; {setting.training}; {'one seed' if seeds == 1 else f'{seeds} seeds'}."
    yield f"{setting.metric} in percent: the mean over seeds, in brackets the lowest and the highest."
    yield f"Always saying each joint's mean place scores {100 * setting.guess:.1f}."
    yield ""
    yield f"| step | parameters | MMAC | executed | {' | '.join(RETRAININGS[name] for name in names)} |"
    yield "|---" * (4 + len(names)) + "|"
    for step, title in STEPS.items():
        found = next(item for row in rows if (item := row.at(step)) is not None)
        sizes = f"{found.parameters:,} | {found.macs / 1e6:.1f} | {found.executed_macs / 1e6:.1f}"
        yield f"| {title} | {sizes} | {' | '.join(_spread(table.of(data, name), step) for name in names)} |"


def _spread(rows: Sequence[Row], step: str) -> str:
    values = [100 * item.accuracy for row in rows if (item := row.at(step)) is not None]
    middle = f"{mean(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} to {max(values):.1f})"


def _times() -> Iterator[str]:
    """Yield a line for each of the recipe's variants."""
    for name in (*PUBLISHED, "recipe"):
        found, (accuracy, published) = _full_size(name), PUBLISHED.get(name, ("-", "-"))
        sizes = f"{found.macs / 1e9:.2f} | {found.executed_macs / 1e9:.2f} | {found.predicted_ms:.0f}"
        yield f"| `{name}` | {sizes} | {published} | {accuracy} |"


def _full_size(name: str) -> Costs:
    """Cost a variant of the recipe as lint does: with its real structure, and no weights."""
    loaded = load_recipe(DRONE / f"{name}.yaml")
    plan = make_plan(loaded, "rk3399")
    context = Context(plan.target, np.random.default_rng(0), is_stand_in=True)
    return run(plan, load_structure(loaded).program, context, Instruments()).costs
