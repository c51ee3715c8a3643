"""What a build writes beside its artifact: a copy of the recipe, and the network after each step."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from compiler.ir import Program, dump
from compiler.recipe import LoadedRecipe


def recipe_digest(loaded: LoadedRecipe, sets: Sequence[str]) -> str:
    """Hash everything that the recipe was read from, the command line's overrides included."""
    parts = [*(path.read_bytes() for path in loaded.sources), *(item.encode() for item in sets)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def recipe_text(loaded: LoadedRecipe, sets: Sequence[str]) -> bytes:
    """Copy the recipe; overrides of the command line are noted as comments."""
    notes = "".join(f"# built with --set {json.dumps(item)}\n" for item in sets)
    return notes.encode() + loaded.path.read_bytes()


def dumper(folder: Path) -> Callable[[int, str, Program], None]:
    """Make a function that writes the program after each step, beside the artifact."""
    place = folder.with_name(f"{folder.name}-ir")
    for stale in place.glob("*.onnx.txt"):
        stale.unlink()

    def write(index: int, name: str, program: Program) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index:02d}-{name}.onnx.txt").write_text(dump(program), "utf-8")

    return write
