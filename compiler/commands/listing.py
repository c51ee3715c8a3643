"""`compress targets`, `passes`, `explain` and `schema`: what the compiler knows, as pages."""

import inspect
import sys

from compiler.commands.output import FINE, UNREADABLE, show_findings, write_json, write_table
from compiler.contracts import Pass
from compiler.diagnostic import Code, CompressError, Diagnostic, did_you_mean
from compiler.lint_codes import UNKNOWN_WORD
from compiler.recipe_schema import recipe_schema
from compiler.registry import codes, load_named_target, load_pass, pass_names, target_names
from compiler.target import Target


def targets_command(name: str | None) -> int:
    """List all targets, or describe one."""
    try:
        if name is not None:
            sys.stdout.write(_target_page(load_named_target(name)))
            return FINE
        found = [load_named_target(item) for item in target_names()]
    except CompressError as error:
        show_findings(error.diagnostics, "text")
        return UNREADABLE
    rows = [
        (item.name, item.board.name, item.runtime, ", ".join(_precisions(item)), "yes" if item.emitter_ready else "no")
        for item in found
    ]
    write_table("targets", ("name", "board", "runtime", "precisions", "builds"), rows)
    return FINE


def passes_command(name: str | None) -> int:
    """List all passes, or describe one."""
    try:
        if name is not None:
            sys.stdout.write(_pass_page(load_pass(name)))
            return FINE
        found = [load_pass(item) for item in pass_names()]
    except CompressError as error:
        show_findings(error.diagnostics, "text")
        return UNREADABLE
    rows = [(item.slug(), item.effect.value, _summary(item)) for item in found]
    write_table("passes", ("name", "outputs", "what it does"), rows)
    return FINE


def explain_command(word: str) -> int:
    """Print the manual page of whatever the word names."""
    known = codes()
    by_name = {**known, **{code.slug: code for code in known.values()}}
    code = by_name.get(word) or by_name.get(word.upper())
    if code is not None:
        sys.stdout.write(_code_page(code))
        return FINE
    if word in pass_names():
        return passes_command(word)
    if word in target_names():
        return targets_command(word)
    advice = did_you_mean(word, (*by_name, *pass_names(), *target_names()))
    show_findings([Diagnostic(UNKNOWN_WORD, f"{word} is no code, pass or target", advice)], "text")
    return UNREADABLE


def schema_command() -> int:
    """Print the recipe's JSON Schema, with the options of every installed pass."""
    write_json(recipe_schema({name: load_pass(name).model_json_schema() for name in pass_names()}))
    return FINE


def _code_page(code: Code) -> str:
    return f"{code.id} {code.slug} ({code.severity.value})\n\n{code.manual.strip()}\n"


def _summary(kind: type[Pass]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def _pass_page(kind: type[Pass]) -> str:
    """Write a pass's manual: its docstring and its options."""
    lines = [f"{kind.slug()} ({kind.effect.value})", "", inspect.cleandoc(kind.__doc__ or ""), ""]
    for name, info in kind.model_fields.items():
        default = "required" if info.is_required() else f"default {info.get_default(call_default_factory=True)!r}"
        lines.append(f"  {name}: {info.description or ''} ({default})")
    return "\n".join(lines).rstrip() + "\n"


def _target_page(target: Target) -> str:
    """Write a target's page: board, precisions, latency model and operators, each figure with its source."""
    lines = [f"{target.name}: {target.board.name}", f"runtime {target.runtime}, opset {target.opset}", ""]
    lines += [f"  {name}: {fact.value}  [{fact.source}]" for name, fact in target.board.facts.items()]
    lines += ["", "precisions"]
    for name, entry in target.precisions.items():
        state = "yes" if entry.supported else "no"
        lines.append(f"  {name}: {state}{f', {entry.because}' if entry.because else ''}  [{entry.source}]")
    lines += ["", "latency model", f"  {' '.join(target.cost.source.split())}"]
    for name, kind in target.cost.classes.items():
        rates = ", ".join(f"{precision} {rate:g}" for precision, rate in kind.ms_per_gmac.items())
        lines.append(f"  {name}: at least {kind.floor_ms:g} ms a layer; ms per GMAC: {rates or 'none'}")
    good = sorted(name for name, row in target.ops.items() if row.supported)
    bad = sorted(name for name, row in target.ops.items() if not row.supported)
    lines += [
        "",
        f"operators ({len(good)})",
        f"  {' '.join(good)}",
        f"not supported ({len(bad)})",
        f"  {' '.join(bad)}",
    ]
    if not target.emitter_ready:
        lines += ["", f"cannot be built for yet: {target.emitter_note or 'its emitter is still to come'}"]
    return "\n".join(lines) + "\n"


def _precisions(target: Target) -> list[str]:
    return [name for name in target.precisions if target.supports(name)]
