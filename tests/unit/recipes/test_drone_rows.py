"""The drone recipe's variants are the rows of the guideline's table, and one row past them."""

from pathlib import Path

import numpy as np
import pytest

from compiler.contracts import Context
from compiler.frontends.source import load_structure
from compiler.pipeline import Instruments, run
from compiler.plan import make_plan
from compiler.recipe import load_recipe

RECIPES = Path(__file__).parents[3] / "recipes/drone-gesture"
RESNET, MOBILENET, REDUCERS = 26_560 + 768, 17_056 + 768, 3 * 64
"""Normalised channels. A published count has a scale and a shift for each; deployed, a folded bias is left."""


@pytest.mark.parametrize(
    ("name", "published", "surplus", "gmac", "executed", "seconds"),
    [
        ("none", 33_999_440, RESNET, 7.2341, 12.8713, 1.054),
        ("g1", 9_569_552, MOBILENET, 2.0857, 7.1188, 0.704),
        ("g1-g2", 3_131_024, MOBILENET + 2 * REDUCERS, 0.7865, 1.8435, 0.354),
        ("g1-g2-g4", 3_131_024, MOBILENET + 2 * REDUCERS, 0.7865, 1.8435, 0.352),
    ],
)
def test_each_row_has_the_guidelines_size_and_nearly_its_time(  # noqa: PLR0913, PLR0917 - a row's figures
    name: str, published: int, surplus: int, gmac: float, executed: float, seconds: float
) -> None:
    loaded = load_recipe(RECIPES / f"{name}.yaml")
    plan = make_plan(loaded, "rk3399")
    source = load_structure(loaded)
    # No note that torch had to export the network: a variant shares the lock of the recipe that it extends.
    assert source.findings == ()
    context = Context(plan.target, np.random.default_rng(0), is_stand_in=True)
    found = run(plan, source.program, context, Instruments()).costs
    assert found.parameters == published - surplus
    assert (round(found.macs / 1e9, 4), round(found.executed_macs / 1e9, 4)) == (gmac, executed)
    assert found.predicted_ms == pytest.approx(1000 * seconds, rel=0.03)


def test_the_recipe_itself_goes_past_the_guideline() -> None:
    loaded = load_recipe(RECIPES / "recipe.yaml")
    plan = make_plan(loaded, "rk3399")
    context = Context(plan.target, np.random.default_rng(0), is_stand_in=True)
    found = run(plan, load_structure(loaded).program, context, Instruments()).costs
    # The two smaller transposed convolutions stay: four convolutions for each would cost more to start than they gain.
    assert (found.macs, found.executed_macs) == (786_489_344, 1_038_147_584)
    assert found.predicted_ms == pytest.approx(316, abs=2)
