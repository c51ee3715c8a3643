"""`compress build`."""

import contextlib
import json
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from compiler.build import Options, Outcome, build
from compiler.commands.output import FINE, say, show_findings, status_of, status_of_failure, write_json
from compiler.diagnostic import CompressError, Diagnostic
from compiler.rendering import render, write_text
from compiler.report.summary import Comparison, comparisons

if TYPE_CHECKING:
    from rich.status import Status


def build_command(recipe: Path, options: Options, output: str) -> int:
    """Build, show each target's outcome when it is there, and return the exit status."""
    outcomes: list[Outcome] = []
    failure: tuple[Diagnostic, ...] = ()
    try:
        with _progress() as progress:
            for outcome in build(recipe, replace(options, on_step=progress.step)):
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


class _Progress(Protocol):
    """Shows which step is at work."""

    def step(self, name: str) -> None:
        """Say that a step begins."""
        ...

    def rest(self) -> None:
        """Make room for other output."""
        ...


class _Spinner:
    """A spinner on a terminal's error stream."""

    def __init__(self, status: "Status") -> None:
        self._status = status

    def step(self, name: str) -> None:
        """Turn, with the step's name beside."""
        self._status.update(f"running {name}")
        self._status.start()

    def rest(self) -> None:
        """Vanish until the next step."""
        self._status.stop()


class _Lines:
    """A quiet line per step, for logs."""

    def step(self, name: str) -> None:
        """Write the line."""
        sys.stderr.write(f"running {name}\n")
        sys.stderr.flush()

    def rest(self) -> None:
        """Do nothing: lines are in nobody's way."""


@contextlib.contextmanager
def _progress() -> Generator[_Progress]:
    """Show the step at work in the way that suits where the errors go."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with console.status("loading the network") as status:
        yield _Spinner(status)
