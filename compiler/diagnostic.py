"""What the compiler tells a person: a code, a place, what is wrong and what to do."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters: errors stop a build, warnings do not, notes inform."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Code:
    """A stable identifier, a slug that reads well after "allow", and the manual page behind both."""

    id: str
    slug: str
    severity: Severity
    manual: str = ""


@dataclass(frozen=True)
class Span:
    """A place in a text file; lines and columns count from 1."""

    file: str
    line: int | None = None
    column: int | None = None
    source: str | None = None
    """The text of the line, for the caret under it."""

    def __str__(self) -> str:
        """Render as file:line:column, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True)
class Diagnostic:
    """One finding. `layer` names a node of the model, `span` a place in a file; either may be absent."""

    code: Code
    message: str
    help: str | None = None
    span: Span | None = None
    layer: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity that the code carries."""
        return self.code.severity


class CompressError(Exception):
    """Stops the compile line with diagnostics meant for the user."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(f"[{item.code.id}] {item.message}" for item in diagnostics))
        self.diagnostics = diagnostics


def nearest(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return the known names that look most like `name`, best first."""
    return tuple(difflib.get_close_matches(name, sorted(known), n=limit, cutoff=0.5))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return "did you mean a, b?" for the nearest known names, or None when nothing is near."""
    found = nearest(name, known)
    return f"did you mean {', '.join(found)}?" if found else None
