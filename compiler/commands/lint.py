"""`compress lint`."""

import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from compiler.codes.lint import NOTHING_TO_LINT, UNREADABLE_PATH
from compiler.commands.output import UNREADABLE, say, status_of, write_json
from compiler.frontends.cache import cache_folder
from compiler.lint import Linted, LintResult, lint
from compiler.registry import codes
from compiler.rendering import render, write_text

_RARELY = 100_000
"""After how many new objects to look for garbage; 700 is Python's choice."""


def lint_command(
    paths: Sequence[Path], targets: tuple[str, ...], sets: tuple[str, ...], output: str, *, is_strict: bool
) -> int:
    """Lint, print the findings, and return the exit status."""
    # Nothing made so far goes away before the end, and a network is thousands of small objects: looking for garbage
    # at the usual pace takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(_RARELY)
    result = lint(paths, targets, sets, cache_folder())
    if output == "text":
        for item in result.checked:
            say(f"checked {_what(item)}")
        sys.stdout.flush()
        write_text(result.findings, sys.stdout)
    elif output == "json":
        _write_json(result)
    else:
        sys.stdout.write(render(result.findings, output, codes() if output == "sarif" else None))
    if any(item.code in (NOTHING_TO_LINT, UNREADABLE_PATH) for item in result.findings):
        return UNREADABLE
    return status_of(result.findings, is_strict=is_strict)


def _what(item: Linted) -> str:
    """Say what was checked, for which target and up to which step."""
    if item.target is None:
        return f"{item.file}: {item.nodes} nodes, no target given"
    steps = f" after {', '.join(item.steps)}" if item.steps else ""
    return f"{item.file} for {item.target}{steps}: {item.nodes} nodes"


def _write_json(result: LintResult) -> None:
    """Print findings and what was checked as one document."""
    document = json.loads(render(result.findings, "json"))
    document["checked"] = [
        {"file": str(item.file), "target": item.target, "after": list(item.steps), "nodes": item.nodes}
        for item in result.checked
    ]
    write_json(document)
