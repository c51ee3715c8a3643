"""Faults of data get the place in the recipe that they are about, where the data files have none."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from compiler.data.codes import (
    CLASS_MISMATCH,
    DATA_CODES,
    HEAD_MISMATCH,
    INPUT_SIZE_UNKNOWN,
    NOT_LABELLED,
)
from compiler.data.label_codes import KEYPOINT_MISMATCH, OUTPUT_MISMATCH, SIZE_MISMATCH
from compiler.data.source import PATH_KEYS
from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.recipe import LoadedRecipe

_ROLES = ("calibration", "validation", "train")
_ABOUT = {
    HEAD_MISMATCH: ("evaluate",),
    CLASS_MISMATCH: ("evaluate",),
    OUTPUT_MISMATCH: ("evaluate",),
    KEYPOINT_MISMATCH: ("evaluate",),
    NOT_LABELLED: ("data", "validation"),
    SIZE_MISMATCH: ("data", "preprocess"),
    INPUT_SIZE_UNKNOWN: ("data", "preprocess"),
}


@contextmanager
def data_faults_at(loaded: LoadedRecipe) -> Generator[None]:
    """Place faults of data that name a path of the recipe, or no place at all, at the recipe's line."""
    try:
        yield
    except CompressError as error:
        raise CompressError(*(replace(item, span=_place(item, loaded)) for item in error.diagnostics)) from error


def _place(item: Diagnostic, loaded: LoadedRecipe) -> Span | None:
    if item.code not in DATA_CODES:
        return item.span
    if item.span is None:
        path = _ABOUT.get(item.code, ("data",))
        return loaded.key_at(*path) or loaded.at(*path) or loaded.key_at(path[0])
    if item.span.line is not None:
        return item.span
    sources = [(role, getattr(loaded.recipe.data, role)) for role in _ROLES]
    places = ((role, key, getattr(source, key)) for role, source in sources if source for key in PATH_KEYS)
    found = next((loaded.at("data", role, key) for role, key, path in places if str(path) == item.span.file), None)
    return found or item.span
