"""Reads a target's files: YAML without double keys, and operator tables that extend others."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from compiler.diagnostic import CompressError, Diagnostic, Span, did_you_mean
from compiler.operator_table.codes import BAD_TARGET_FILE
from compiler.operator_table.table import Operator


def lineage(path: Path) -> tuple[tuple[Path, bytes], ...]:
    """Read the texts of a table and of those that it extends, the oldest first; they lie in one folder."""
    found, names = list[tuple[Path, bytes]](), [path.stem]
    while True:
        text = text_of(path)
        found.insert(0, (path, text))
        parent = parse(path, text).get("extends") if b"extends" in text else None
        if parent is None:
            return tuple(found)
        if not isinstance(parent, str):
            raise bad(path, "extends: it names one operator table")
        if parent in names:
            raise bad(path, f"extends: the tables extend each other: {', '.join([*names, parent])}")
        tables = {file.stem: file for file in sorted(path.parent.glob("*.yaml"))}
        if parent not in tables:
            near = did_you_mean(parent, tables) or f"beside it are: {', '.join(tables)}"
            raise bad(path, f"extends: there is no operator table `{parent}` beside this one", help=near)
        names.append(parent)
        path = tables[parent]


def merged_table(tables: Sequence[tuple[Path, bytes]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lay tables over each other, the oldest first; return what they say, and their quantisation schemes.

    A row stands for the whole row of the extended table, and so does a key of the header; only sources, type groups
    and schemes are joined.
    """
    merged, rows = dict[str, Any](), dict[str, Operator]()
    joined: dict[str, dict[str, Any]] = {"sources": {}, "type_groups": {}, "schemes": {}}
    for file, text in tables:
        table = parse(file, text)
        for key in joined:
            joined[key] |= _mapping(table.pop(key, {}), key, file)
        rows |= _spread(table.pop("operators", None), joined["type_groups"], file)
        merged |= table
    merged.pop("extends", None)
    return {**merged, "sources": joined["sources"], "operators": rows}, joined["schemes"]


def _mapping(value: object, key: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad(path, f"{key} must be a mapping")
    return cast("dict[str, Any]", value)


class _Loader(yaml.CSafeLoader):
    """YAML read in C, which every PyYAML wheel holds, refusing double keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001
        """Build a mapping, insisting that each key stands once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value} stands twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def text_of(path: Path) -> bytes:
    """Read a file of a target."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise bad(path, error.strerror or "cannot be read") from error


def parse(path: Path, text: bytes) -> dict[str, Any]:
    """Parse a YAML mapping."""
    try:
        found: object = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise bad(path, error.problem or "no YAML", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise bad(path, "no YAML in UTF-8") from error
    if not isinstance(found, dict):
        raise bad(path, "the file is not a mapping")
    return cast("dict[str, Any]", found)


def _spread(written: object, groups: dict[str, list[str]], path: Path) -> dict[str, Operator]:
    """Give each operator of a shared row its own entry, and replace the names of type groups by their types."""
    if not isinstance(written, dict):
        raise bad(path, "operators must be a mapping")
    rows: dict[str, Operator] = {}
    for names, row in cast("dict[str, dict[str, Any]]", written).items():
        parsed = _row(names, row, groups, path)
        for name in (part.strip() for part in names.split(",")):
            if name in rows:
                raise bad(path, f"{name} has two rows")
            rows[name] = parsed
    return rows


def _row(names: str, row: dict[str, Any], groups: Mapping[str, list[str]], path: Path) -> Operator:
    """Read one row of an operator table."""
    if not isinstance(row, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from a file
        raise bad(path, f"the row of {names} is not a mapping")
    try:
        return Operator.model_validate(
            row | {"types": [kind for name in row.get("types", ()) for kind in groups.get(name, (name,))]}
        )
    except ValidationError as error:
        raise unfit(path, error, f"operators.{names}.") from error


def unfit(path: Path, error: ValidationError, place: str = "") -> CompressError:
    """Turn pydantic's findings into diagnostics, each with the way to the value."""
    found = [(place + ".".join(str(part) for part in item["loc"]), item["msg"]) for item in error.errors()]
    lines = [f"{at}: {message}" if at else message for at, message in found]
    return CompressError(*(Diagnostic(BAD_TARGET_FILE, line, span=Span(str(path))) for line in lines))


def bad(path: Path, message: str, line: int | None = None, help: str | None = None) -> CompressError:  # noqa: A002
    """Make the error for a file that cannot be used."""
    return CompressError(Diagnostic(BAD_TARGET_FILE, message, help, span=Span(str(path), line)))
