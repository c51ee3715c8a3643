"""Findings as one JSON document."""

from collections.abc import Sequence

from compiler.diagnostic import Diagnostic, Severity
from compiler.rendering.safe import dump


def render_json(findings: Sequence[Diagnostic]) -> str:
    """Return findings with a count by severity. Names are given exactly, for scripts to compare."""
    counts = {f"{severity}s": sum(item.severity is severity for item in findings) for severity in Severity}
    return dump({"findings": [_finding(item) for item in findings], "summary": counts})


def _finding(finding: Diagnostic) -> dict[str, object]:
    span = finding.span
    return {
        "code": finding.code.id,
        "slug": finding.code.slug,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.help,
        "where": {
            "file": None if span is None else span.file,
            "line": None if span is None else span.line,
            "column": None if span is None else span.column,
            "layer": finding.layer,
        },
    }
