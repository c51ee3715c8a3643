"""`compress build`."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from compiler.build import Options, Outcome, build
from compiler.commands.output import FINE, say, show_findings, status_of, status_of_failure, write_json
from compiler.commands.progress import display
from compiler.diagnostic import CompressError, Diagnostic
from compiler.rendering import render, write_text
from compiler.report.summary import Comparison, comparisons


def build_command(recipe: Path, options: Options, output: str) -> int:
    """Build, show each target's outcome when it is there, and return the exit status."""
    outcomes: list[Outcome] = []
    failure: tuple[Diagnostic, ...] = ()
    try:
        with display() as progress:
            for outcome in build(recipe, replace(options, on_step=progress.step, watcher=progress)):
                outcomes.append(outcome)
                progress.rest()
                if output == "text":
                    _show(outcome)
    except CompressError as error:
        failure = error.diagnostics
    if output == "json":
        _write_json(outcomes, failure)
    elif failure:
        show_findings(failure, output)
    found = max((status_of(outcome.findings) for outcome in outcomes), default=FINE)
    return status_of_failure(failure) if failure else found


def _write_json(outcomes: list[Outcome], failure: tuple[Diagnostic, ...]) -> None:
    """Print what was built and what stopped the rest, as one document of one shape."""
    builds = [{"folder": str(item.folder), "report": item.report.model_dump(mode="json")} for item in outcomes]
    write_json({"builds": builds, **json.loads(render(failure, "json"))})


def _show(outcome: Outcome) -> None:
    """Print the findings, then the headline figures, and last where to look."""
    report = outcome.report
    write_text(outcome.findings, sys.stderr)
    sys.stderr.flush()
    say(f"{report.product} for {report.target}")
    rows = comparisons(report)
    widths = [max(len(text) for text in column) for column in zip(*(_cells(row) for row in rows), strict=True)]
    for row in rows:
        name, before, after, change = _cells(row)
        figures = f"{before:>{widths[1]}} -> {after:>{widths[2]}}  {change:>{widths[3]}}"
        say(f"  {name:<{widths[0]}}  {figures}")
    say(f"  artifact  {outcome.folder}")
    say(f"  report    {outcome.folder / 'report.html'}")


def _cells(row: Comparison) -> tuple[str, str, str, str]:
    """List the cells of a comparison."""
    return row.name, row.before, row.after, row.change
