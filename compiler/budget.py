"""The recipe's budget against what came out."""

from compiler.diagnostic import Diagnostic
from compiler.plan_codes import BUDGET_MISSED, BUDGET_UNCHECKED
from compiler.recipe import LoadedRecipe
from compiler.report.model import BudgetLine, Costs

_ADVICE = {"accuracy_drop": "add `data: {validation: ...}` and `evaluate` to the recipe"}


def budget_lines(
    loaded: LoadedRecipe,
    result: Costs,
    accuracy: tuple[float | None, float | None],
    artifact_bytes: int,
) -> list[BudgetLine]:
    """Compare each stated limit with its figure; `accuracy` is before and after, None where not measured."""
    budget = loaded.recipe.budget
    before, after = accuracy
    drop = None if before is None or after is None else before - after
    rows: tuple[tuple[str, float | None, float | None], ...] = (
        ("accuracy_drop", budget.accuracy_drop, drop),
        ("latency_ms", budget.latency_ms, result.predicted_ms),
        ("parameters", budget.parameters, result.parameters),
        ("artifact_mb", budget.artifact_mb, artifact_bytes / 1e6),
    )
    return [
        BudgetLine(name=name, limit=limit, value=value, met=None if value is None else value <= limit)
        for name, limit, value in rows
        if limit is not None
    ]


def budget_findings(loaded: LoadedRecipe, lines: list[BudgetLine]) -> list[Diagnostic]:
    """Make an error of each missed limit, and a warning of each that nothing was measured for, at its line."""
    unknown = [
        Diagnostic(
            BUDGET_UNCHECKED,
            f"{line.name} has a budget of {line.limit:,.6g} and was not measured",
            _ADVICE.get(line.name, "choose a target with a latency model, or take the limit out"),
            loaded.at("budget", line.name),
        )
        for line in lines
        if line.met is None
    ]
    return unknown + [
        Diagnostic(
            BUDGET_MISSED,
            f"{line.name} is {line.value:,.6g}, more than the budget of {line.limit:,.6g}",
            "compress further, or raise the limit",
            loaded.at("budget", line.name),
        )
        for line in lines
        if line.met is False and line.value is not None
    ]
