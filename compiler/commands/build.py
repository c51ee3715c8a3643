"""`compress build`."""

import contextlib
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from compiler.build import Options, Outcome, build
from compiler.commands.output import say, show_findings, status_of, status_of_failure, write_json
from compiler.diagnostic import CompressError
from compiler.rendering import write_text
from compiler.report.summary import Comparison, comparisons


def build_command(recipe: Path, options: Options, output: str) -> int:
    """Build, show what came out, and return the exit status."""
    try:
        with _progress() as on_step:
            outcomes = build(recipe, replace(options, on_step=on_step))
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    if output == "json":
        write_json([{"folder": str(item.folder), "report": item.report.model_dump(mode="json")} for item in outcomes])
    else:
        for outcome in outcomes:
            _show(outcome)
    return max(status_of(outcome.findings) for outcome in outcomes)


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


@contextlib.contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """Show the step at work: a spinner on a terminal, a quiet line each elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _say_step
        return
    with console.status("loading the network") as status:
        yield lambda step: status.update(f"running {step}")


def _say_step(step: str) -> None:
    sys.stderr.write(f"running {step}\n")
    sys.stderr.flush()
