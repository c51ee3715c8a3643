"""Which files `compress lint` looks at: recipes under a folder, or the very file that is named."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from compiler.codes.lint import NOTHING_TO_LINT, UNREADABLE_PATH
from compiler.diagnostic import CompressError, Diagnostic, Span

_ARTIFACT = {"manifest.json", "report.json"}
_KEYS = ("product:", "passes:", "extends:", "model:")
_EXTENDS = re.compile(r"""^extends:\s*["']?([^"'#]+?)["']?\s*(#.*)?$""")


def lintable(path: Path) -> Iterator[Path]:
    """List the recipes under a folder, or the file itself. Raises CompressError when there is nothing."""
    if path.is_dir():
        recipes = _recipes(path)
        if not recipes:
            advice = "a recipe is a YAML file with `version` and `product`"
            raise CompressError(Diagnostic(NOTHING_TO_LINT, f"{path} holds no recipes", advice, Span(str(path))))
        yield from recipes
    elif path.exists():
        yield path
    else:
        raise CompressError(Diagnostic(UNREADABLE_PATH, f"{path} does not exist", "check the path", Span(str(path))))


def is_onnx(file: Path) -> bool:
    """Tell a bare model from a recipe."""
    return file.suffix.lower() == ".onnx"


def _recipes(folder: Path) -> list[Path]:
    """Find the recipes of a folder, less those that others only build on: such a one lacks a product of its own."""
    lines = {file: _lines(file) for file in _yaml_files(folder)}
    found = {file: text for file, text in lines.items() if text is None or _is_recipe(text)}
    bases = {base for file, text in found.items() for base in _bases(file, text or ())}
    return [file for file, text in found.items() if _has_product(text or ()) or file.resolve() not in bases]


def _yaml_files(folder: Path) -> Iterator[Path]:
    """Walk a folder in order; hidden folders and artifacts, which hold copies of recipes, are passed by."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if set(files) >= _ARTIFACT:
            folders.clear()
            continue
        yield from (Path(place, name) for name in sorted(files) if name.endswith((".yaml", ".yml")))


def _lines(file: Path) -> list[str] | None:
    """Read a file's lines; None when it cannot be read, which its own lint then reports."""
    try:
        return file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None


def _is_recipe(lines: Sequence[str]) -> bool:
    """Tell recipes from other YAML files in a folder by the keys at the margin."""
    return any(line.startswith(_KEYS) for line in lines)


def _has_product(lines: Sequence[str]) -> bool:
    return any(line.startswith("product:") for line in lines)


def _bases(file: Path, lines: Sequence[str]) -> Iterator[Path]:
    for line in lines:
        if (match := _EXTENDS.match(line)) is not None:
            yield (file.parent / match[1]).resolve()
