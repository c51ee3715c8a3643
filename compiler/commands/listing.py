"""`compress targets`, `passes`, `explain` and `schema`: what the compiler knows, as pages."""

import sys

from compiler.codes.lint import UNKNOWN_WORD
from compiler.commands.output import FINE, UNREADABLE, show_findings, write_json, write_table
from compiler.commands.pages import OUTPUTS, code_page, pass_page, summary, target_page
from compiler.diagnostic import CompressError, Diagnostic, did_you_mean
from compiler.recipe.schema import recipe_schema
from compiler.registry import codes, load_named_target, load_pass, pass_names, target_names
from compiler.target import Target


def targets_command(name: str | None) -> int:
    """List all targets, or describe one."""
    try:
        if name is not None:
            sys.stdout.write(target_page(load_named_target(name)))
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
            sys.stdout.write(pass_page(load_pass(name)))
            return FINE
        found = [load_pass(item) for item in pass_names()]
    except CompressError as error:
        show_findings(error.diagnostics, "text")
        return UNREADABLE
    rows = [(item.slug(), OUTPUTS[item.effect], summary(item)) for item in found]
    write_table("passes", ("name", "outputs", "what it does"), rows)
    return FINE


def explain_command(word: str) -> int:
    """Print the manual page of whatever the word names."""
    known = codes()
    by_name = {**known, **{code.slug: code for code in known.values()}}
    code = by_name.get(word) or by_name.get(word.upper())
    if code is not None:
        sys.stdout.write(code_page(code))
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


def _precisions(target: Target) -> list[str]:
    return [name for name in target.precisions if target.supports(name)]
