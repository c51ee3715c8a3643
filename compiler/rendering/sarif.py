"""Findings as SARIF 2.1.0, which code-scanning services read."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from compiler.diagnostic import Code, Diagnostic, Severity, Span
from compiler.rendering.safe import dump, file_of, uri_of, visible

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_sarif(findings: Sequence[Diagnostic], codes: Mapping[str, Code]) -> str:
    """Return findings as a SARIF log. `codes` supplies manual pages for codes that carry none."""
    used = {finding.code.id: codes.get(finding.code.id, finding.code) for finding in findings}
    order = {id_: place for place, id_ in enumerate(sorted(used))}
    driver = {"name": "compress", "version": version("compress"), "rules": [_rule(used[id_]) for id_ in order]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, order[finding.code.id]) for finding in findings],
    }
    return dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(code: Code) -> dict[str, object]:
    title = code.slug.replace("-", " ")
    manual = code.manual or title
    return {
        "id": code.id,
        "name": title.title().replace(" ", ""),
        "shortDescription": {"text": title},
        "fullDescription": {"text": manual},
        "help": {"text": manual},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(finding: Diagnostic, rule_index: int) -> dict[str, object]:
    parts = [visible(finding.message)]
    if finding.help is not None:
        parts.append(f"help: {visible(finding.help)}")
    result: dict[str, object] = {
        "ruleId": finding.code.id,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(parts)},
    }
    location = _location(finding)
    return result | {"locations": [location]} if location else result


def _location(finding: Diagnostic) -> dict[str, object]:
    """Return where a finding is: in a file, at a layer or option, both, or nowhere."""
    file = file_of(finding.span)
    physical: dict[str, object] = {}
    if file is not None and finding.span is not None:
        physical["physicalLocation"] = {"artifactLocation": {"uri": uri_of(file)}, **_region(finding.span)}
    names = [(finding.layer, "element")] if finding.layer is not None else []
    if file is None and finding.span is not None:
        names.append((str(finding.span), "parameter"))
    logical = [{"fullyQualifiedName": visible(name), "kind": kind} for name, kind in names]
    return physical | ({"logicalLocations": logical} if logical else {})


def _region(span: Span) -> dict[str, object]:
    if span.line is None:
        return {}
    column = {} if span.column is None else {"startColumn": span.column}
    return {"region": {"startLine": span.line, **column}}
