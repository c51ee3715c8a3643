"""Layer selectors: names, globs and operator types, as `only` and `skip` take them."""

import fnmatch
from collections.abc import Iterator, Sequence

from compiler.codes.plan import EMPTY_SELECTOR
from compiler.diagnostic import Diagnostic, did_you_mean
from compiler.ir import ProgramView


def select(program: ProgramView, patterns: Sequence[str]) -> set[str]:
    """Name the layers that any pattern matches, exactly, as a glob, or by operator type."""
    found: set[str] = set()
    for pattern in patterns:
        found.update(_matches(program, pattern))
    return found


def check_selectors(program: ProgramView, patterns: Sequence[str], option: str) -> Iterator[Diagnostic]:
    """Yield an error for each pattern that matches no layer, with the nearest names."""
    for pattern in patterns:
        if next(_matches(program, pattern), None) is None:
            names = [name for op in program.each() for name in (op.name, op.op_type)]
            advice = did_you_mean(pattern, set(names)) or "run `compress inspect` on the model to see its layers"
            yield Diagnostic(EMPTY_SELECTOR, f"{option}: {pattern!r} matches no layer of the model", advice)


def _matches(program: ProgramView, pattern: str) -> Iterator[str]:
    for op in program.each():
        if pattern in (op.name, op.op_type) or fnmatch.fnmatchcase(op.name, pattern):
            yield op.name
