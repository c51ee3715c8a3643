"""Write a build report as Markdown for a pull request: one screen, no timing, so equal builds give equal text."""

from collections.abc import Iterable, Iterator, Sequence

from compiler.report import labels
from compiler.report.markdown_words import name, prose
from compiler.report.model import BuildReport, PassReport
from compiler.report.summary import (
    all_findings,
    budget_texts,
    comparisons,
    latency_lines,
    place,
    skips_by_reason,
    step_title,
    verdict,
)

_LAYERS_SHOWN = 5


def to_markdown(report: BuildReport) -> str:
    """Write the summary that a reviewer reads."""
    return "\n".join(line for part in _sections(report) for line in (*part, ""))


def _sections(report: BuildReport) -> Iterator[Iterable[str]]:
    yield (f"# {prose(report.product)} for {prose(report.target)}",)
    yield (f"**{prose(verdict(report).sentence)}**",)
    yield _table(
        ("", "source", "result", "change"),
        ((prose(line.name), line.before, line.after, line.change) for line in comparisons(report)),
    )
    if report.result.budget:
        yield ("## Budget",)
        yield _table(("limit on", "limit", "value", ""), _budget(report))
    if report.passes:
        yield ("## Passes",)
        yield _table(_PASS_COLUMNS, map(_pass_row, report.passes))
        yield from _skips(report)
        yield from _pictures(report)
    if all_findings(report):
        yield ("## Findings",)
        yield _table(("", "where", "what is wrong", "what to do"), _finding_rows(report))
    yield (_footer(report),)


_PASS_COLUMNS = ("pass", "outputs", "layers changed", "parameters", "cost", "size", "predicted", "against the source")


def _pass_row(step: PassReport) -> Sequence[str]:
    after, near = step.after, step.fidelity
    return (
        name(step_title(step)),
        prose(step.effect.value),
        labels.count(len(step.changed)),
        labels.count(after.parameters),
        labels.macs(after.macs),
        labels.size(after.bytes),
        labels.milliseconds(after.predicted_ms),
        labels.ABSENT if near is None else labels.fidelity(near.sqnr_db, near.max_abs_error, near.agreement),
    )


def _budget(report: BuildReport) -> Iterator[Sequence[str]]:
    for line in report.result.budget:
        yield name(line.name), *budget_texts(line)


def _finding_rows(report: BuildReport) -> Iterator[Sequence[str]]:
    for finding in all_findings(report):
        where = place(finding)
        yield (
            f"{finding.severity.value} {name(finding.code)}",
            name(where) if where else "",
            prose(finding.message),
            prose(finding.help or ""),
        )


def _skips(report: BuildReport) -> Iterator[Iterable[str]]:
    for step in report.passes:
        if step.skipped:
            yield (
                f"{name(step.name)} left {labels.plural(len(step.skipped), 'layer')} alone:",
                "",
                *(f"- {_some(layers)}: {prose(why)}" for why, layers in skips_by_reason(step).items()),
            )


def _pictures(report: BuildReport) -> Iterator[Iterable[str]]:
    """Point to the pictures in the page, by the ids that it gives them."""
    links = [
        f"[{prose(picture.title)}](report.html#pass-{number}-picture-{place})"
        for number, step in enumerate(report.passes, start=1)
        for place, picture in enumerate(step.pictures, start=1)
    ]
    if links:
        yield (f"Feature maps by cluster: {', '.join(links)}",)


def _some(layers: Sequence[str]) -> str:
    more = len(layers) - _LAYERS_SHOWN
    return ", ".join(map(name, layers[:_LAYERS_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _footer(report: BuildReport) -> str:
    runtime = "nothing emitted" if report.artifact is None else f"runtime {prose(report.artifact.runtime)}"
    made = f"{labels.SIZE_NOTE}. Made by compress {prose(report.tool.version)}, {runtime}."
    if report.result.predicted_ms is None:
        return f"No latency is predicted. {made}"
    untimed = "; nothing was timed on a board" if report.result.on_board is None else ""
    said = f"Predicted milliseconds come from a model of the target's speed{untimed}."
    bands = "".join(f"\n- {prose(line)}" for line in latency_lines(report))
    return f"{said}{bands}\n\n{made}" if bands else f"{said} {made}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(columns)
    yield _row(["---"] * len(columns))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
