"""How faults in data become errors with a place."""

from pathlib import Path

from compiler.diagnostic import Code, CompressError, Diagnostic, Span

_LONGEST_LINE = 200


def data_fault(  # noqa: PLR0913, PLR0917 - a place has parts
    code: Code, message: str, help_: str | None, path: Path, line: int | None = None, text: str | None = None
) -> CompressError:
    """Make an error at a file, and at a line of it where there is one."""
    shown = None if text is None else text.rstrip("\r\n")[:_LONGEST_LINE]
    return CompressError(Diagnostic(code, message, help_, Span(str(path), line, None if line is None else 1, shown)))


def some_of(missing: int, total: int, what: str) -> str:
    """Write how many are concerned: "2 of 70 images"."""
    return f"{missing} of {total} {what}"
