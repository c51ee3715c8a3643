"""Lint: the data-free prefix of a build. Same plan, same rewrites with stand-in decisions, same rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache as once
from functools import partial
from pathlib import Path

import numpy as np

from compiler.allow import apply_allow, check_allow
from compiler.check import check_program
from compiler.contracts import Context
from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends.onnx_file import load_onnx
from compiler.frontends.source import load_structure
from compiler.frontends.timm_backbone import Backbones
from compiler.inputs import check_images
from compiler.lint_files import is_onnx, lintable
from compiler.many import each
from compiler.pipeline import Instruments, run
from compiler.plan import clean_up_plan, make_plan, target_names_of
from compiler.recipe import load_recipe
from compiler.registry import rules
from compiler.retraining import stand_in
from compiler.wants import unmet_wants


@dataclass(frozen=True)
class Linted:
    """What was looked at: a file, a target, and the steps after which the target's rules saw the network."""

    file: Path
    target: str | None
    steps: tuple[str, ...]
    nodes: int


@dataclass(frozen=True)
class LintResult:
    """All findings, and what they are about."""

    findings: tuple[Diagnostic, ...]
    checked: tuple[Linted, ...]


_rules = once(rules)


@dataclass(frozen=True)
class _Asked:
    """What holds for all files of a run."""

    targets: tuple[str, ...]
    sets: tuple[str, ...]
    kept: Path | None


def lint(
    paths: Sequence[Path], targets: tuple[str, ...] = (), sets: tuple[str, ...] = (), cache: Path | None = None
) -> LintResult:
    """Lint recipes, folders of recipes and bare ONNX files. Faults of one file do not hide those of another.

    `sets` are the PATH=VALUE options laid over every recipe; bare models take none. `cache` is a folder in which
    networks are kept that took seconds to read.
    """
    results = each(partial(_lint_file, _Asked(targets, sets, cache)), [item for path in paths for item in _found(path)])
    findings = dict.fromkeys(item for found, _ in results for item in found)
    return LintResult(tuple(findings), tuple(item for _, seen in results for item in seen))


def _found(path: Path) -> list[Path | list[Diagnostic]]:
    """List the files that a path stands for, or why there are none."""
    try:
        return list(lintable(path))
    except CompressError as error:
        return [list(error.diagnostics)]


def _lint_file(asked: _Asked, file: Path | list[Diagnostic]) -> tuple[list[Diagnostic], list[Linted]]:
    """Lint one file; what stops that is a finding too."""
    if isinstance(file, list):
        return file, []
    try:
        return _lint_onnx(file, asked) if is_onnx(file) else _lint_recipe(file, asked)
    except CompressError as error:
        return _placed(error.diagnostics, Span(str(file))), []


def _lint_recipe(file: Path, asked: _Asked) -> tuple[list[Diagnostic], list[Linted]]:
    """Lint one recipe for each of its targets."""
    loaded = load_recipe(file, asked.sets)
    check_allow(loaded)
    plans = [make_plan(loaded, name) for name in target_names_of(loaded, asked.targets)]
    source = load_structure(loaded, asked.kept)
    check_images(loaded, source.program)
    findings = [*source.findings, *unmet_wants(loaded.recipe, plans[0])]
    checked: list[Linted] = []
    for plan in plans:
        training = stand_in(loaded, source.program)
        kept = Backbones(loaded.recipe.seed, asked.kept).kept
        rng = np.random.default_rng(loaded.recipe.seed)
        context = Context(plan.target, rng, is_stand_in=True, training=training, backbones=kept)
        done = run(plan, source.program, context, Instruments())
        found = [*done.findings, *check_program(done.program, plan.target, _rules())]
        findings += _placed(found, loaded.at("model") or Span(str(file)))
        steps = tuple(step.todo.slug() for step in plan.steps if not step.is_clean_up)
        checked.append(Linted(file, plan.target.name, steps, len(done.program)))
    return apply_allow(loaded, findings, [plan.target.name for plan in plans]), checked


def _lint_onnx(file: Path, asked: _Asked) -> tuple[list[Diagnostic], list[Linted]]:
    """Lint a bare model: load it, and ask each given target about it after the clean-ups."""
    source = load_onnx(file, {}, "the model", asked.kept)
    findings = list(source.findings)
    checked = [] if asked.targets else [Linted(file, None, (), len(source.program))]
    for name in asked.targets:
        plan = clean_up_plan(name)
        context = Context(plan.target, np.random.default_rng(0), is_stand_in=True)
        done = run(plan, source.program, context, Instruments())
        findings += check_program(done.program, plan.target, _rules())
        checked.append(Linted(file, name, (), len(done.program)))
    return _placed(findings, Span(str(file))), checked


def _placed(findings: Sequence[Diagnostic], span: Span) -> list[Diagnostic]:
    """Give findings without a place in a file the given one; where a layer is named, the line itself says nothing."""
    bare = replace(span, source=None)
    return [
        item if item.span is not None else replace(item, span=span if item.layer is None else bare) for item in findings
    ]
