"""Picks a format by its name on the command line."""

from collections.abc import Mapping, Sequence

from compiler.diagnostic import Code, Diagnostic
from compiler.rendering.github import render_github
from compiler.rendering.json_format import render_json
from compiler.rendering.sarif import render_sarif
from compiler.rendering.text import render_text

FORMATS = ("text", "json", "sarif", "github")


def render(findings: Sequence[Diagnostic], fmt: str, codes: Mapping[str, Code] | None = None) -> str:
    """Return findings in a format of FORMATS, without colours, ending in a newline unless empty.

    `codes` supplies manual pages to SARIF for codes that carry none, which are those of target rules.
    """
    if fmt == "text":
        return render_text(findings)
    if fmt == "json":
        return render_json(findings)
    if fmt == "sarif":
        return render_sarif(findings, codes or {})
    if fmt == "github":
        return render_github(findings)
    raise ValueError(f"no format {fmt}; there are {', '.join(FORMATS)}")
