"""Findings that a recipe accepts: taken out of the verdict, and missed when they do not occur."""

from collections.abc import Sequence

from compiler.codes.plan import UNUSED_ALLOW
from compiler.diagnostic import CompressError, Diagnostic
from compiler.recipe import LoadedRecipe
from compiler.registry import find_code

_ONE_COMMAND = frozenset({"M018", "P008", "P011", "P012", "P014", "P020"})
"""Findings that only one of `lint` and `build` can make; the other does not miss them."""


def check_allow(loaded: LoadedRecipe) -> None:
    """Insist that every allowed code exists. Raises CompressError; call it before any work is done."""
    faults: list[Diagnostic] = []
    for index, entry in enumerate(loaded.recipe.allow):
        try:
            find_code(entry.code, loaded.at("allow", index, "code"))
        except CompressError as error:
            faults.extend(error.diagnostics)
    if faults:
        raise CompressError(*faults)


def apply_allow(loaded: LoadedRecipe, findings: Sequence[Diagnostic], targets: Sequence[str]) -> list[Diagnostic]:
    """Drop the findings whose code or slug the recipe allows, and warn of entries that hit nothing.

    `targets` are those that the findings are about. Unless they are all that the recipe names, an entry that hits
    nothing may be meant for another.
    """
    kept = list(findings)
    is_whole = set(loaded.recipe.target) <= set(targets)
    for index, entry in enumerate(loaded.recipe.allow):
        code = find_code(entry.code)
        hit = [item for item in kept if item.code.id == code.id]
        kept = [item for item in kept if item not in hit]
        if not hit and is_whole and code.id not in _ONE_COMMAND:
            said = f"allow: {entry.code} did not occur"
            kept.append(Diagnostic(UNUSED_ALLOW, said, "remove the entry", loaded.at("allow", index, "code")))
    return kept
