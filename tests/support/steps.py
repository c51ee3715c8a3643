"""Apply one pass to a copy of a program, as the pipeline does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from compiler.contracts import Context, Decision, Effect, Log, Pass, Sample
from compiler.diagnostic import Diagnostic, Severity
from compiler.inputs import random_sample
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
    """Name the target for tests that do not care: the host takes any channel count, and integers."""
    return "host" if slug in ("level-prune", "ptq") else "tx2"


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
    """Check, and if nothing is refused decide, rewrite and bring types up to date, on a clone.

    Calibration images are two seeded random ones.
    """
    todo = _kind(name).model_validate(options or {})
    twin, log = program.clone(), Log()
    rng = np.random.default_rng(0)
    context = Context(target(on or usual_target(name)), rng, partial(_calibration, program), is_stand_in=is_stand_in)
    refusals = tuple(todo.check(twin, context.target))
    if any(item.severity is Severity.ERROR for item in refusals):
        return Applied(twin, None, log, refusals)
    decision = todo.decide(twin, context)
    todo.rewrite(twin, decision, log)
    if twin.journal:
        refresh_types(twin)
    return Applied(twin, decision, log, refusals)


def _calibration(program: Program) -> Iterator[Sample]:
    return (random_sample(program, np.random.default_rng(seed)) for seed in range(2))


@cache
def exact_passes() -> tuple[str, ...]:
    """Name every installed pass that promises to keep outputs."""
    return tuple(name for name in pass_names() if _kind(name).effect is Effect.EXACT)
