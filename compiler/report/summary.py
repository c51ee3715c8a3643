"""The few lines that every report opens with: what changed overall, and whether the build is fit for use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from compiler.diagnostic import Severity
from compiler.report import labels
from compiler.report.model import BudgetLine, BuildReport, Costs, Finding, PassReport, Predicted


class Standing(StrEnum):
    """How a build came out."""

    FAILED = "failed"
    MISSED = "missed"
    UNSURE = "unsure"
    FINE = "fine"


@dataclass(frozen=True)
class Comparison:
    """One figure of the source model beside that of the result, written out."""

    name: str
    before: str
    after: str
    change: str
    headline: str
    """The change as a factor, or as a difference where a factor means nothing."""
    shares: tuple[float, float] | None
    """Both figures as shares of the larger, for bars."""
    is_gain: bool = False
    """Whether a cost went down."""


_NO_CHANGE = (labels.SAME, labels.ABSENT)


@dataclass(frozen=True)
class Verdict:
    """Whether the build is fit for use, in a sentence."""

    standing: Standing
    sentence: str


def comparisons(report: BuildReport) -> tuple[Comparison, ...]:
    """Set the source's costs and metrics beside the result's."""
    return (*cost_comparisons(report.source, report.result), *_metrics(report))


def changed_costs(step: PassReport) -> tuple[Comparison, ...]:
    """Set the costs that a pass changed side by side."""
    return tuple(line for line in cost_comparisons(step.before, step.after) if line.change not in _NO_CHANGE)


def cost_comparisons(old: Costs, new: Costs) -> Iterator[Comparison]:
    """Set one program's costs beside another's."""
    yield _cost("Parameters", old.parameters, new.parameters, labels.count, ("fewer", "more"))
    yield _cost("Multiply-accumulates", old.macs, new.macs, labels.macs, ("fewer", "more"))
    if (old.executed_macs, new.executed_macs) != (old.macs, new.macs):
        yield _cost(
            "As the runtime executes them", old.executed_macs, new.executed_macs, labels.macs, ("fewer", "more")
        )
    yield _cost("Model size", old.bytes, new.bytes, labels.size, ("smaller", "larger"))
    before, after = old.predicted_ms, new.predicted_ms
    if before is None and after is None:
        return
    yield Comparison(
        "Predicted latency",
        labels.milliseconds(before),
        labels.milliseconds(after),
        labels.percent(before, after),
        labels.factor(before, after, "faster", "slower"),
        _shares(before, after),
        before is not None and after is not None and after < before and not labels.is_negligible(before, after),
    )


def _cost(name: str, old: int, new: int, write: Callable[[int], str], words: tuple[str, str]) -> Comparison:
    change, headline = labels.percent(old, new), labels.factor(old, new, *words)
    return Comparison(name, write(old), write(new), change, headline, _shares(old, new), new < old)


def _metrics(report: BuildReport) -> Iterator[Comparison]:
    old, new = report.source.accuracy or {}, report.result.accuracy or {}
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        change = labels.difference(before, after)
        yield Comparison(
            f"Accuracy: {name}", labels.metric(before), labels.metric(after), change, change, _shares(before, after)
        )


def _shares(before: float | None, after: float | None) -> tuple[float, float] | None:
    if before is None or after is None or min(before, after) < 0 or max(before, after) == 0:
        return None
    largest = max(before, after)
    return before / largest, after / largest


def all_findings(report: BuildReport) -> tuple[Finding, ...]:
    """List the build's findings and those of its passes once each, errors first."""
    found = [*report.findings, *(finding for step in report.passes for finding in step.findings)]
    distinct = {finding.model_dump_json(): finding for finding in found}
    return tuple(sorted(distinct.values(), key=lambda finding: list(Severity).index(finding.severity)))


def latency_lines(report: BuildReport) -> tuple[str, ...]:
    """Say the finished program's predicted latencies, each with the range that nine of ten measurements fall into."""
    said = tuple(_latency_line(report.target, item) for item in report.result.predictions)
    found = report.result.on_board
    if found is None:
        return said
    name = f"{report.target}, {found.setup}" if found.setup else report.target
    off = labels.percent(found.ms, found.predicted_ms)
    predicted = f"{labels.milliseconds(found.predicted_ms)} predicted ({name}), {off}"
    return (f"measured on a board: {labels.milliseconds(found.ms)}, beside {predicted}", *said)


def _latency_line(target: str, item: Predicted) -> str:
    name = f"{target}, {item.setup}" if item.setup else target
    said = f"{name}: {labels.milliseconds(item.ms)}"
    if item.low is None or item.high is None:
        return f"{said} ({item.stands_for}); no measurement stands behind it"
    band = f"{labels.milliseconds(item.low)} to {labels.milliseconds(item.high)} in nine cases of ten"
    return f"{said}, {band} ({item.stands_for}); from {item.held_out}"


def skips_by_reason(step: PassReport) -> dict[str, tuple[str, ...]]:
    """Group the layers that a pass left alone by why it did, the most frequent reason first."""
    found: dict[str, list[str]] = {}
    for skip in step.skipped:
        found.setdefault(skip.why, []).append(skip.layer)
    return {why: tuple(layers) for why, layers in sorted(found.items(), key=lambda item: -len(item[1]))}


def place(finding: Finding) -> str:
    """Write where a finding is: its layer, its place in a file, both or neither."""
    where = finding.where
    spot = ":".join(str(part) for part in (where.file, where.line, where.column) if part is not None)
    return ", ".join(part for part in (where.layer, spot) if part)


def verdict(report: BuildReport) -> Verdict:
    """Say whether the build is fit for use."""
    errors = sum(finding.severity is Severity.ERROR for finding in all_findings(report))
    lines = report.result.budget
    missed = sum(line.met is False for line in lines)
    unknown = sum(line.met is None for line in lines)
    if errors:
        return Verdict(Standing.FAILED, f"{labels.plural(errors, 'error')} to mend before this can go on a board.")
    if report.artifact is None:
        return Verdict(Standing.FAILED, "Nothing was written for the board.")
    if missed:
        return Verdict(Standing.MISSED, f"{missed} of {labels.plural(len(lines), 'budget limit')} missed.")
    if unknown:
        return Verdict(
            Standing.UNSURE, f"{unknown} of {labels.plural(len(lines), 'budget limit')} could not be checked."
        )
    if not lines:
        return Verdict(Standing.FINE, "Built without errors; the recipe sets no budget.")
    return Verdict(Standing.FINE, f"Built without errors, and within {_all_limits(len(lines))} of the budget.")


def _all_limits(number: int) -> str:
    return "the one limit" if number == 1 else f"all {number} limits"


_UNITS: dict[str, Callable[[float], str]] = {
    "latency_ms": labels.milliseconds,
    "parameters": lambda value: labels.count(round(value)),
    "macs": lambda value: labels.macs(round(value)),
    "bytes": lambda value: labels.size(round(value)),
    "artifact_mb": lambda value: f"{value:.4g} MB",
    "accuracy": labels.metric,
    "accuracy_drop": labels.metric,
}


def budget_texts(line: BudgetLine) -> tuple[str, str, str]:
    """Write a budget line's limit, its value and whether the value is within the limit."""
    write = _UNITS.get(line.name, lambda value: f"{value:,.6g}")
    value = labels.ABSENT if line.value is None else write(line.value)
    met = {True: "met", False: "missed", None: "not checked"}[line.met]
    return f"at {'least' if line.is_floor else 'most'} {write(line.limit)}", value, met


def budget_shares(line: BudgetLine) -> str:
    """Write which passes moved a figure, and by how much."""
    return ", ".join(f"{share.name} {share.change:+,.4g}" for share in line.shares if share.change is not None)


def metric_names(report: BuildReport) -> tuple[str, ...]:
    """List the metrics that were measured anywhere."""
    found = (report.source.accuracy, *(step.accuracy for step in report.passes), report.result.accuracy)
    return tuple(dict.fromkeys(name for item in found for name in item or {}))


def step_title(step: PassReport) -> str:
    """Name a pass, and its round if it ran in a `repeat`."""
    return step.name if step.round is None else f"{step.name}, round {step.round}"
