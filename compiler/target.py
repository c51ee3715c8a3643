"""A target: a board, its runtime, what it can run and what that costs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import yaml
from pydantic import ValidationError

from compiler.board import Board, ChannelMultiple, ClassCost, CostModel, Fact, PowerMode, Precision, QuantScheme, Zeros
from compiler.diagnostic import Code, CompressError, Diagnostic, Severity, Span
from compiler.operator_table import Frozen, Limit, Operator, OperatorTable, Opsets

if TYPE_CHECKING:
    from compiler.ir import Op, ProgramView

__all__ = [
    "BAD_TARGET_FILE",
    "Board",
    "ChannelMultiple",
    "ClassCost",
    "CostModel",
    "Fact",
    "Operator",
    "OperatorTable",
    "PowerMode",
    "Precision",
    "QuantScheme",
    "Target",
    "Zeros",
    "load_target",
    "operator_name",
]

LimitT = TypeVar("LimitT", bound=Limit)

BAD_TARGET_FILE = Code(
    "T099",
    "bad-target-file",
    Severity.ERROR,
    "A target profile or an operator table does not say what this version reads: a key is unknown, missing or double, "
    "or a value has the wrong type. The message names the place.",
)


class Target(Frozen):
    """A board profile with its runtime's operator table merged in."""

    name: str
    board: Board
    runtime: str
    opset: int
    """The newest version of ONNX's operator set to emit; `opsets` holds the range that the runtime reads."""
    precisions: Mapping[str, Precision]
    channel_multiple: ChannelMultiple = ChannelMultiple()
    zeros: Zeros = Zeros()
    cost: CostModel
    emitter_ready: bool = True
    emitter_note: str | None = None
    test_tolerance: Mapping[str, float]
    """By precision, the largest difference the self-test on the board takes, relative to the output's range."""
    notes: tuple[str, ...] = ()
    table: OperatorTable

    @property
    def ops(self) -> Mapping[str, Operator]:
        """The operator rows, by name; operators of other domains are written `domain.Name`."""
        return self.table.operators

    @property
    def opsets(self) -> Opsets:
        """The versions of ONNX's operator set that the runtime reads."""
        return self.table.opsets

    def supports(self, precision: str) -> bool:
        """Tell whether networks may use a precision; one that the profile leaves out they may not."""
        return precision in self.precisions and self.precisions[precision].supported

    def row(self, op: Op) -> Operator | None:
        """Find the row of a node's operator."""
        return self.ops.get(operator_name(op))

    def each_row(self, program: ProgramView) -> Iterator[tuple[Op, Operator]]:
        """Yield the nodes whose operators the runtime has, with their rows."""
        for op in program.each():
            row = self.row(op)
            if row is not None and row.supported:
                yield op, row

    def each_limit(self, program: ProgramView, kind: type[LimitT]) -> Iterator[tuple[Op, LimitT]]:
        """Yield the restrictions of one kind that apply to nodes of a program."""
        for op, row in self.each_row(program):
            for limit in row.limits:
                if isinstance(limit, kind) and limit.applies(op, program):
                    yield op, limit

    def each_asking(self, program: ProgramView, slug: str) -> Iterator[Op]:
        """Yield the nodes whose rows ask for a rule."""
        for op, row in self.each_row(program):
            if slug in row.rules:
                yield op


def operator_name(op: Op) -> str:
    """Name a node's operator as tables do."""
    return f"{op.domain}.{op.op_type}" if op.domain else op.op_type


def load_target(profile_path: Path, operators_path: Path) -> Target:
    """Read a profile and its runtime's operator table."""
    return _parse_target(profile_path, _bytes_of(profile_path), operators_path, _bytes_of(operators_path))


@lru_cache(maxsize=32)
def _parse_target(profile_path: Path, profile_text: bytes, operators_path: Path, operators_text: bytes) -> Target:
    """Parse the two texts, once for all recipes that name the target: it takes tens of milliseconds."""
    profile, table = _parse(profile_path, profile_text), _parse(operators_path, operators_text)
    rows = _spread(table, operators_path)
    try:
        merged = OperatorTable.model_validate({**table, "operators": rows})
    except ValidationError as error:
        raise _unfit(operators_path, error) from error
    if profile.get("runtime") != merged.runtime:
        raise _bad(operators_path, f"the table is for {merged.runtime}, the profile for {profile.get('runtime')}")
    try:
        return Target.model_validate({**profile, "table": merged})
    except ValidationError as error:
        raise _unfit(profile_path, error) from error


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


def _bytes_of(path: Path) -> bytes:
    """Read a file of a target."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _bad(path, error.strerror or "cannot be read") from error


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    """Parse a YAML mapping."""
    try:
        found: object = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _bad(path, error.problem or "no YAML", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise _bad(path, "no YAML in UTF-8") from error
    if not isinstance(found, dict):
        raise _bad(path, "the file is not a mapping")
    return cast("dict[str, Any]", found)


def _spread(table: dict[str, Any], path: Path) -> dict[str, Operator]:
    """Give each operator of a shared row its own entry, and replace the names of type groups by their types."""
    groups, written = table.pop("type_groups", {}), table.get("operators")
    if not isinstance(groups, dict) or not isinstance(written, dict):
        raise _bad(path, "type_groups and operators must be mappings")
    rows: dict[str, Operator] = {}
    for names, row in cast("dict[str, dict[str, Any]]", written).items():
        parsed = _row(names, row, cast("dict[str, list[str]]", groups), path)
        for name in (part.strip() for part in names.split(",")):
            if name in rows:
                raise _bad(path, f"{name} has two rows")
            rows[name] = parsed
    return rows


def _row(names: str, row: dict[str, Any], groups: Mapping[str, list[str]], path: Path) -> Operator:
    """Read one row of an operator table."""
    if not isinstance(row, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from a file
        raise _bad(path, f"the row of {names} is not a mapping")
    try:
        return Operator.model_validate(
            row | {"types": [kind for name in row.get("types", ()) for kind in groups.get(name, (name,))]}
        )
    except ValidationError as error:
        raise _unfit(path, error, f"operators.{names}.") from error


def _unfit(path: Path, error: ValidationError, place: str = "") -> CompressError:
    """Turn pydantic's findings into diagnostics, each with the way to the value."""
    found = [(place + ".".join(str(part) for part in item["loc"]), item["msg"]) for item in error.errors()]
    lines = [f"{at}: {message}" if at else message for at, message in found]
    return CompressError(*(Diagnostic(BAD_TARGET_FILE, line, span=Span(str(path))) for line in lines))


def _bad(path: Path, message: str, line: int | None = None) -> CompressError:
    """Make the error for a file that cannot be used."""
    return CompressError(Diagnostic(BAD_TARGET_FILE, message, span=Span(str(path), line)))
