"""How commands talk: findings, tables and JSON on standard output, faults where they belong, exit statuses."""

import json
import sys
from collections.abc import Iterable, Sequence

from compiler.codes.artifact import MANIFEST_MISSING
from compiler.diagnostic import Diagnostic, Severity
from compiler.rendering import render, write_text
from compiler.rendering.safe import visible

FINE, FOUND, UNREADABLE = 0, 1, 2
_PIPE_WIDTH = 10_000
"""Columns of a table that goes to a pipe or a file: never folded, so that every row is one line."""
_LEAST_WIDTH = 80
_NARROWEST = 4
"""Columns that are left to a text before it is folded."""


def say(text: str) -> None:
    """Print one line on standard output; what would act on a terminal is spelled out."""
    sys.stdout.write(f"{visible(text)}\n")


def show_findings(findings: Sequence[Diagnostic], output: str) -> None:
    """Print findings as text on standard error, or as the one JSON document on standard output."""
    if output == "json":
        sys.stdout.write(render(findings, "json"))
    else:
        write_text(findings, sys.stderr)


def status_of(findings: Sequence[Diagnostic], *, is_strict: bool = False) -> int:
    """Choose the exit status: 1 when any finding is an error, or a warning where those count."""
    counted = (Severity.ERROR, Severity.WARNING) if is_strict else (Severity.ERROR,)
    return FOUND if any(item.severity in counted for item in findings) else FINE


def status_of_failure(findings: Sequence[Diagnostic]) -> int:
    """Choose the exit status of a command that stopped: 2 when its input could not be read, else 1."""
    errors = [item for item in findings if item.severity is Severity.ERROR]
    return UNREADABLE if any(item.code.id[0] in "RM" or item.code is MANIFEST_MISSING for item in errors) else FOUND


def write_json(document: object) -> None:
    """Print one JSON document, in ASCII: no name in it can act on a terminal."""
    text = json.dumps(document, indent=2, allow_nan=False).replace("\x7f", "\\u007f")
    sys.stdout.write(f"{text}\n")


def write_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> None:
    """Print a table; `numbers` are the columns to align right. Names never reach rich as markup.

    On a narrow terminal the first column is folded, and the last one if it holds text; figures stay in one piece.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible(title)), box=SIMPLE, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(header):
        is_whole = index > 0 and (index < len(header) - 1 or bool(numbers))
        justify = "right" if index in numbers else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=is_whole, min_width=_NARROWEST)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    console = Console(highlight=False, file=sys.stdout)
    # Below the least width figures would be cut short, and read as others.
    width = max(console.width, _LEAST_WIDTH) if console.is_terminal else _PIPE_WIDTH
    console = Console(highlight=False, file=sys.stdout, width=width)
    with console.capture() as printed:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in printed.get().splitlines()))
