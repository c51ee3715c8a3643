"""Write a build report as JSON, and read it back."""

import json
from collections.abc import Iterable
from typing import cast

from pydantic import JsonValue

from compiler.report.model import BuildReport


def to_json(report: BuildReport) -> str:
    """Write a report as ASCII JSON: the same bytes for equal reports, one line for each list of plain values."""
    return _text(cast(JsonValue, report.model_dump(mode="json")), "\n") + "\n"


def from_json(text: str) -> BuildReport:
    """Read a report that `to_json` wrote."""
    return BuildReport.model_validate_json(text)


def _text(value: JsonValue, newline: str) -> str:
    inner = newline + "  "
    if isinstance(value, dict) and value:
        return _block("{}", (f"{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()), newline)
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return _block("[]", (_text(item, inner) for item in value), newline)
    return json.dumps(value, allow_nan=False)


def _block(brackets: str, items: Iterable[str], newline: str) -> str:
    inner = newline + "  "
    return brackets[0] + inner + f",{inner}".join(items) + newline + brackets[1]
