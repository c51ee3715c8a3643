"""Findings that a recipe accepts: taken out of the verdict, and missed when they do not occur."""

from collections.abc import Sequence

from compiler.diagnostic import Diagnostic
from compiler.plan_codes import UNUSED_ALLOW
from compiler.recipe import LoadedRecipe


def apply_allow(loaded: LoadedRecipe, findings: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Drop the findings whose code or slug the recipe allows, and warn of entries that hit nothing."""
    kept = list(findings)
    for index, entry in enumerate(loaded.recipe.allow):
        hit = [item for item in kept if entry.code in (item.code.id, item.code.slug)]
        kept = [item for item in kept if item not in hit]
        if not hit:
            said = f"allow: {entry.code} did not occur"
            kept.append(Diagnostic(UNUSED_ALLOW, said, "remove the entry", loaded.at("allow", index, "code")))
    return kept
