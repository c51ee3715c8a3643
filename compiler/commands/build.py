"""`compress build`."""

import contextlib
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from compiler.build import Options, Outcome, build
from compiler.commands.output import show_findings, status_of, status_of_failure, write_json
from compiler.diagnostic import CompressError
from compiler.rendering import write_text
from compiler.report.summary import comparisons


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
    """Print the headline figures, the findings, and where to look."""
    report = outcome.report
    write_text(outcome.findings, sys.stderr)
    sys.stdout.write(f"{report.product} for {report.target}\n")
    for row in comparisons(report):
        sys.stdout.write(f"  {row.name}: {row.before} -> {row.after}  ({row.change})\n")
    sys.stdout.write(f"  artifact  {outcome.folder}\n  report    {outcome.folder / 'report.html'}\n")


@contextlib.contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """Show the step at work: a spinner on a terminal, a quiet line each elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _say
        return
    with console.status("loading") as status:
        yield status.update


def _say(step: str) -> None:
    sys.stderr.write(f"{step}\n")
