"""Gathers every code that a diagnostic can carry."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.codes.recipe import CODE_CLASH, PLUGIN_BROKEN
from compiler.diagnostic import Code, CompressError, Diagnostic
from compiler.registry.packages import PASSES, TARGETS, packages

if TYPE_CHECKING:
    from compiler.contracts import Rule


def gather(rules: Iterable[Rule]) -> Mapping[str, Code]:
    """Return all codes by identifier, sorted. Raises CompressError where two share an identifier or a slug."""
    found: dict[str, Code] = {}
    slugs: dict[str, Code] = {}
    clashes: list[Diagnostic] = []
    for code in (*_codes_of_modules(), *_codes_of_rules(rules)):
        for twin in (found.setdefault(code.id, code), slugs.setdefault(code.slug, code)):
            if twin != code:
                message = f"{code.id} {code.slug} and {twin.id} {twin.slug} share an identifier or a slug"
                clashes.append(Diagnostic(CODE_CLASH, message, "give each code its own"))
    if clashes:
        raise CompressError(*clashes)
    return dict(sorted(found.items()))


def _codes_of_rules(rules: Iterable[Rule]) -> Iterator[Code]:
    """Yield each rule's code; the docstring of the rule is its manual."""
    for rule in rules:
        yield rule.code if rule.code.manual else replace(rule.code, manual=inspect.getdoc(type(rule)) or "")


def _codes_of_modules() -> Iterator[Code]:
    for folder in _folders():
        for file in sorted((*folder.rglob("*codes.py"), *folder.rglob("codes/*.py"))):
            yield from _codes_in(file)


def _folders() -> Iterator[Path]:
    yield Path(__file__).parents[1]
    for group in (PASSES, TARGETS):
        for package in packages(group):
            yield package.folder


def _codes_in(file: Path) -> Iterator[Code]:
    """Run a module of codes by itself: importing it would import its package, and with it torch or ONNX."""
    try:
        values = runpy.run_path(str(file)).values()
    except (Exception, SystemExit) as fault:
        message = f"{file} fails to run: {type(fault).__name__}: {fault}"
        raise CompressError(Diagnostic(PLUGIN_BROKEN, message, "repair or remove the package")) from fault
    for value in values:
        if isinstance(value, Code):
            yield value
