"""Turn a diagnostic into the finding that a report holds."""

import os
from pathlib import Path

from compiler.diagnostic import Diagnostic
from compiler.report.model import Finding, Where


def to_finding(diagnostic: Diagnostic, folder: Path) -> Finding:
    """Make a finding of a diagnostic, its file told from `folder`: the recipe's."""
    span = diagnostic.span
    where = Where(
        file=None if span is None else _seen_from(folder, span.file),
        line=None if span is None else span.line,
        column=None if span is None else span.column,
        layer=diagnostic.layer,
    )
    return Finding(
        code=diagnostic.code.id,
        severity=diagnostic.severity,
        message=diagnostic.message,
        help=diagnostic.help,
        where=where,
    )


def _seen_from(folder: Path, file: str) -> str:
    return Path(os.path.relpath(Path(file).resolve(), folder.resolve())).as_posix()
