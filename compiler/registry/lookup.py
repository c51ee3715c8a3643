"""Plugins by name: listed from their file names without importing them, loaded one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.codes.recipe import NO_OPERATORS, UNKNOWN_CODE, UNKNOWN_PASS, UNKNOWN_TARGET
from compiler.diagnostic import Code, CompressError, Diagnostic, Span, did_you_mean
from compiler.registry.load import camel, load_class
from compiler.registry.packages import PASSES, TARGETS, Package, Plugin, data_files, index, modules, packages

if TYPE_CHECKING:
    from compiler.contracts import Emitter, Pass, Rule
    from compiler.target import Target


def pass_names() -> tuple[str, ...]:
    """Return the names of the installed passes, sorted."""
    return tuple(_passes())


def load_pass(name: str, span: Span | None = None) -> type[Pass]:
    """Import a pass. The span is where the recipe names it, for the diagnostic when there is none."""
    from compiler.contracts import Pass

    plugin = _pick(_passes(), name, UNKNOWN_PASS, "pass", span)
    return load_class(plugin, camel(name), Pass)


def target_names() -> tuple[str, ...]:
    """Return the names of the installed targets, sorted."""
    return tuple(_profiles())


def target_files(name: str, span: Span | None = None) -> tuple[Path, Path]:
    """Return a target's profile and the operator table of the runtime that it names.

    A name that ends in .yaml is the path of a profile of the user's own.
    """
    from compiler.yaml.spans import load_yaml

    is_own = name.endswith((".yaml", ".yml")) and Path(name).is_file()
    profile = Path(name) if is_own else _pick(_profiles(), name, UNKNOWN_TARGET, "target", span).file
    root = load_yaml(profile)
    runtime = root.get("runtime")
    tables = index(data_files(TARGETS, "operators"), "operator table")
    wanted = "nothing" if runtime is None or not isinstance(runtime.value, str) else runtime.value
    at = root.span if runtime is None else runtime.span
    return profile, _pick(tables, wanted, NO_OPERATORS, "operator table", at).file


def load_named_target(name: str, span: Span | None = None) -> Target:
    """Read a target by name."""
    from compiler.target import load_target

    return load_target(*target_files(name, span))


def rules() -> tuple[Rule, ...]:
    """Import every target rule, in the order of their codes."""
    from compiler.contracts import Rule

    found = index(modules(TARGETS, "rules"), "rule")
    made: list[Rule] = [load_class(plugin, camel(name), Rule)() for name, plugin in found.items()]
    return tuple(sorted(made, key=lambda rule: rule.code.id))


def emitter_for(runtime: str) -> Emitter | None:
    """Import the emitter that serves a runtime, or None. For `tensorrt-8.2` only emitters/tensorrt is looked at."""
    from compiler.contracts import Emitter

    plugin = _emitters().get(runtime.split("-", maxsplit=1)[0])
    if plugin is None:
        return None
    kind: type[Emitter] = load_class(plugin, f"{camel(plugin.name)}Emitter", Emitter)
    return kind() if runtime in kind.runtimes else None


def codes() -> Mapping[str, Code]:
    """Return every code that a diagnostic can carry, by identifier, sorted."""
    return _codes((packages(PASSES), packages(TARGETS)))


def find_code(name: str, span: Span | None = None) -> Code:
    """Return the code of an identifier or a slug. The span is where the name stands, for the diagnostic."""
    known = codes()
    by_slug = {code.slug: code for code in known.values()}
    code = known.get(name.upper()) or by_slug.get(name)
    if code is None:
        near = did_you_mean(name, (*known, *by_slug))
        raise CompressError(Diagnostic(UNKNOWN_CODE, f"there is no code `{name}`", near, span))
    return code


@cache
def _codes(_installed: tuple[tuple[Package, ...], ...]) -> Mapping[str, Code]:
    """Gather the codes once for what is installed: every module of codes is run for it."""
    from compiler.registry.gather import gather

    return gather(rules())


def _passes() -> Mapping[str, Plugin]:
    return index(modules(PASSES), "pass")


def _profiles() -> Mapping[str, Plugin]:
    return index(data_files(TARGETS, "profiles"), "target")


def _emitters() -> Mapping[str, Plugin]:
    found = (
        Plugin(file.parent.name, file, package.owner, f"{package.module}.emitters.{file.parent.name}.emitter")
        for package in packages(TARGETS)
        for file in package.files("emitters", "*/emitter.py")
    )
    return index(found, "emitter")


def _pick(known: Mapping[str, Plugin], name: str, code: Code, kind: str, span: Span | None) -> Plugin:
    """Return the plugin of a name, or say which names come near."""
    if name in known:
        return known[name]
    raise CompressError(Diagnostic(code, f"there is no {kind} `{name}`", _suggest(name, known), span))


def _suggest(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known) or f"installed are: {', '.join(known) or 'none'}"
