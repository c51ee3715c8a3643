"""Findings as text: a headline, the source line with a caret, what to do, and a count at the end."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TextIO

from compiler.diagnostic import Diagnostic, Severity, Span
from compiler.rendering.safe import visible

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
_WIDTH = 100
_BEFORE = 60

Piece = tuple[str, str]
"""A text and the style it takes on a terminal."""


def render_text(findings: Sequence[Diagnostic]) -> str:
    """Return findings as plain text."""
    return "".join(text for text, _ in _pieces(findings))


def write_text(findings: Sequence[Diagnostic], stream: TextIO) -> None:
    """Write findings, in colours where the stream is a terminal that takes them and NO_COLOR is not set."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    if not console.is_terminal or console.no_color or console.color_system is None:
        stream.write(render_text(findings))
        return
    console.print(Text.assemble(*_pieces(findings)), soft_wrap=True, end="")


def summarise(findings: Sequence[Diagnostic]) -> str:
    """Count findings in words."""
    counts = [(sum(item.severity is severity for item in findings), severity) for severity in Severity]
    parts = [f"{count} {severity}{'' if count == 1 else 's'}" for count, severity in counts if count]
    return ", ".join(parts) or "no findings"


def _pieces(findings: Sequence[Diagnostic]) -> Iterator[Piece]:
    for finding in findings:
        yield from _finding(finding)
    yield f"{summarise(findings)}\n", "bold"


def _finding(finding: Diagnostic) -> Iterator[Piece]:
    yield f"{finding.severity}[{finding.code.id}]", _STYLES[finding.severity]
    places = (finding.span, finding.layer)
    where = "".join(f" {visible(str(place))}:" for place in places if place is not None)
    yield f"{where} {visible(finding.message)}\n", ""
    if finding.span is not None and finding.span.source is not None:
        yield from _excerpt(finding.span, finding.span.source)
    if finding.help is not None:
        yield "  help:", "green"
        yield f" {visible(finding.help)}\n", ""


def _excerpt(span: Span, source: str) -> Iterator[Piece]:
    """Yield the source line and a caret; a long line is cut to the neighbourhood of the place."""
    place = min(max((span.column or 1) - 1, 0), len(source))
    start = max(0, place - _BEFORE) if len(source) > _WIDTH else 0
    before = ("..." if start else "") + visible(source[start:place])
    after = visible(source[place : start + _WIDTH]) + ("..." if len(source) > start + _WIDTH else "")
    number = "" if span.line is None else str(span.line)
    yield f"  {number} | ", "dim"
    yield f"{before}{after}".rstrip() + "\n", ""
    if span.column is not None:
        yield f"  {' ' * len(number)} | ", "dim"
        yield " " * _cells(before) + "^\n", "bold red"


def _cells(text: str) -> int:
    """Count terminal columns: an ideograph takes two, a combining mark none."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
