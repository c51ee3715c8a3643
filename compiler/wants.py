"""What the steps of a plan want of the recipe's data, held against what that offers, before any file is opened."""

from collections.abc import Iterator
from dataclasses import replace

from compiler.contracts import Offer
from compiler.diagnostic import Diagnostic
from compiler.plan import Plan
from compiler.recipe import Recipe

_WITH_BOXES = ("coco", "yolo", "python")
"""Kinds of data that can hold boxes; what a function returns is seen when it is called."""


def unmet_wants(recipe: Recipe, plan: Plan) -> Iterator[Diagnostic]:
    """Yield what each step of the recipe cannot do without; of a `repeat` once."""
    offer = _offer(recipe)
    for step in plan.steps:
        if step.round is None or step.round.number == 1:
            yield from (replace(item, span=item.span or step.span) for item in step.todo.wants(offer))


def _offer(recipe: Recipe) -> Offer:
    given = [source for source in (recipe.data.calibration, recipe.data.validation) if source is not None]
    has_boxes = any(source.kind in _WITH_BOXES for source in given)
    return Offer(recipe.data.calibration is not None, bool(given), has_boxes)
