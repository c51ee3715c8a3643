"""Findings as GitHub workflow commands, which show as notes on the lines of a pull request."""

from collections.abc import Iterator, Sequence

from compiler.diagnostic import Diagnostic, Severity
from compiler.rendering.safe import file_of, visible

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(findings: Sequence[Diagnostic]) -> str:
    """Return one command per finding, a line each."""
    return "".join(f"{_command(finding)}\n" for finding in findings)


def _command(finding: Diagnostic) -> str:
    properties = ",".join(f"{key}={_escape_property(value)}" for key, value in _properties(finding))
    place = None if file_of(finding.span) is not None else finding.span
    parts = (*(str(part) for part in (place, finding.layer) if part is not None), finding.message)
    lines = [visible(": ".join(parts))]
    if finding.help is not None:
        lines.append(f"help: {visible(finding.help)}")
    text = _escape("\n".join(lines))
    return f"::{_COMMANDS[finding.severity]} {properties}::{text}"


def _properties(finding: Diagnostic) -> Iterator[tuple[str, str]]:
    file, span = file_of(finding.span), finding.span
    if file is not None and span is not None:
        yield "file", file
        if span.line is not None:
            yield "line", str(span.line)
        if span.line is not None and span.column is not None:
            yield "col", str(span.column)
    yield "title", f"{finding.code.id} {finding.code.slug}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(visible(text)).replace(":", "%3A").replace(",", "%2C")
