"""Apply one pass to a copy of a program, as the pipeline does."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import Diagnostic
from compiler.ir import Program, refresh_types
from compiler.registry import load_named_target, load_pass, pass_names
from compiler.target import Target


@dataclass(frozen=True)
class Applied:
    """What came of a pass."""

    program: Program
    decision: Decision | None
    log: Log
    refusals: tuple[Diagnostic, ...]

    @property
    def is_changed(self) -> bool:
        """Tell whether the journal holds an edit."""
        return bool(self.program.journal)


@cache
def target(name: str = "tx2") -> Target:
    """Read a target once."""
    return load_named_target(name)


def usual_target(slug: str) -> str:
    """Name the target for tests that do not care: any channel count suits the host, so pruning rounds nothing there."""
    return "host" if slug == "level-prune" else "tx2"


@cache
def _kind(name: str) -> type[Pass]:
    return load_pass(name)


def apply(
    name: str,
    program: Program,
    options: Mapping[str, object] | None = None,
    *,
    on: str | None = None,
    is_stand_in: bool = False,
) -> Applied:
    """Check, decide, rewrite and bring types up to date, on a clone."""
    todo = _kind(name).model_validate(options or {})
    twin, log = program.clone(), Log()
    context = Context(target(on or usual_target(name)), np.random.default_rng(0), is_stand_in=is_stand_in)
    refusals = tuple(todo.check(twin, context.target))
    decision = todo.decide(twin, context)
    todo.rewrite(twin, decision, log)
    if twin.journal:
        refresh_types(twin)
    return Applied(twin, decision, log, refusals)


@cache
def exact_passes() -> tuple[str, ...]:
    """Name every installed pass that promises to keep outputs."""
    return tuple(name for name in pass_names() if _kind(name).effect is Effect.EXACT)
