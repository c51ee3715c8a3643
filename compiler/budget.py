"""The recipe's budget against what came out, and which pass lost or won what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.codes.plan import BUDGET_MISSED, BUDGET_UNCHECKED
from compiler.diagnostic import Diagnostic
from compiler.recipe import LoadedRecipe
from compiler.report.model import BudgetLine, Costs, PassReport, Share

_NO_LABELS = "add `data: {validation: ...}` and `evaluate` to the recipe"
_ADVICE: Mapping[str, str] = {"accuracy": _NO_LABELS, "accuracy_drop": _NO_LABELS}
_ROUNDING = 1e-9
"""A difference of two figures that meets its limit exactly may miss it by this much of it in binary."""


@dataclass(frozen=True)
class Accuracy:
    """The recipe's metric, before and after; None where it was not measured."""

    metric: str
    before: float | None
    after: float | None

    @property
    def drop(self) -> float | None:
        """Tell how much was lost."""
        return None if self.before is None or self.after is None else self.before - self.after


def budget_lines(
    loaded: LoadedRecipe, result: Costs, passes: Sequence[PassReport], accuracy: Accuracy, artifact_bytes: int
) -> list[BudgetLine]:
    """Compare each stated limit with its figure."""
    budget = loaded.recipe.budget
    rows: tuple[tuple[str, float | None, float | None], ...] = (
        ("accuracy", budget.accuracy, accuracy.after),
        ("accuracy_drop", budget.accuracy_drop, accuracy.drop),
        ("latency_ms", budget.latency_ms, result.predicted_ms),
        ("parameters", budget.parameters, result.parameters),
        ("bytes", budget.bytes, result.bytes),
        ("macs", budget.macs, result.macs),
        ("artifact_mb", budget.artifact_mb, artifact_bytes / 1e6),
    )
    return [
        BudgetLine(
            name=name,
            limit=limit,
            is_floor=name == "accuracy",
            value=value,
            met=None if value is None else _is_met(name, value, limit),
            shares=tuple(_shares(name, passes, accuracy)),
        )
        for name, limit, value in rows
        if limit is not None
    ]


def is_met(lines: Sequence[BudgetLine]) -> bool:
    """Tell whether every limit was checked and is met."""
    return bool(lines) and all(line.met for line in lines)


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
    return unknown + [_missed(loaded, line) for line in lines if line.met is False]


def _missed(loaded: LoadedRecipe, line: BudgetLine) -> Diagnostic:
    """Say by how much a limit is missed and which passes moved the figure."""
    side = "less" if line.is_floor else "more"
    said = f"{line.name} is {line.value:,.6g}, {side} than the budget of {line.limit:,.6g}"
    moved = ", ".join(f"{share.name} {share.change:+,.4g}" for share in line.shares)
    is_quality = line.name.startswith("accuracy")
    advice = "prune less, or retrain with `finetune`" if is_quality else "compress further, or raise the limit"
    return Diagnostic(BUDGET_MISSED, said + (f" ({moved})" if moved else ""), advice, loaded.at("budget", line.name))


def _is_met(name: str, value: float, limit: float) -> bool:
    slack = _ROUNDING * max(abs(limit), 1.0) if name.startswith("accuracy") else 0.0
    return value >= limit - slack if name == "accuracy" else value <= limit + slack


_COST = {
    "latency_ms": "predicted_ms", "parameters": "parameters", "bytes": "bytes", "macs": "macs", "artifact_mb": "bytes",
}  # fmt: skip


def _shares(name: str, passes: Sequence[PassReport], accuracy: Accuracy) -> Iterator[Share]:
    """Say how far each pass moved a figure; a pass that left it where it was is not named."""
    last = accuracy.before
    for step in passes:
        title = step.name if step.round is None else f"{step.name} #{step.round}"
        if name in _COST:
            change = (getattr(step.after, _COST[name]) or 0) - (getattr(step.before, _COST[name]) or 0)
            change = change / 1e6 if name == "artifact_mb" else change
        else:
            now = (step.accuracy or {}).get(accuracy.metric, last)
            change = 0.0 if now is None or last is None else now - last
            change = -change if name == "accuracy_drop" else change
            last = now
        if change:
            yield Share(name=title, change=change)
