"""`compress lock`."""

from pathlib import Path

from compiler.commands.output import FINE, say, show_findings, status_of_failure
from compiler.diagnostic import CompressError
from compiler.frontends.source import lock_structure
from compiler.recipe import load_recipe


def lock_command(recipe: Path) -> int:
    """Write the structure lock and say where."""
    try:
        path = lock_structure(load_recipe(recipe))
    except CompressError as error:
        show_findings(error.diagnostics, "text")
        return status_of_failure(error.diagnostics)
    say(f"wrote {path}")
    return FINE
