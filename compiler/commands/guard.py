"""The last line of defence: an unexpected exception becomes a message that asks for a report, not a traceback."""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

_INTERRUPTED = 130
_BUG = 2


def guarded(run: Callable[[], object]) -> None:
    """Run the command line; an interrupt ends it quietly, a bug with a pointer to what a report should hold."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal or pipe that is no UTF-8 shows an escape where it cannot show a sign.
            stream.reconfigure(errors="backslashreplace")
    status = _status(run)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would try to flush once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _status(run: Callable[[], object]) -> int | str | None:
    """Run, and say how it ended."""
    try:
        run()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            sys.stderr.write("interrupted; nothing was left half-written\n")
        # Typer ends with 1 when whoever reads has seen enough, as `head` does; that is no finding.
        return 0 if isinstance(end.__context__, BrokenPipeError) else end.code
    except Exception as error:  # noqa: BLE001 - the program ends here; nothing goes on
        _report(error)
        return _BUG
    return 0


def _report(error: Exception) -> None:
    """Say that the compiler is at fault, and where the traceback is."""
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    sys.stderr.write(f"error: this is a fault of compress itself: {kind}\n")
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="compress-bug-", suffix=".txt", delete=False) as file:
            file.write(text)
        where = f"the file {Path(file.name)}"
    except OSError:
        where = f"this: {text!r}"
    sys.stderr.write(f"  help: report it with {where} and the input that led to it\n")
