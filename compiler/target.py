"""A target: a board, its runtime, what it can run and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError

from compiler.board import Board, ChannelMultiple, ClassCost, CostModel, Fact, PowerMode, Precision, QuantScheme, Zeros
from compiler.diagnostic import did_you_mean
from compiler.operator_table import Frozen, Limit, Operator, OperatorTable, Opsets
from compiler.operator_table.reading import bad, lineage, merged_table, parse, text_of, unfit

if TYPE_CHECKING:
    from compiler.ir import Op, ProgramView

__all__ = [
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
    """Read a profile and its runtime's operator table, with the tables that this one extends."""
    return _parse_target(profile_path, text_of(profile_path), lineage(operators_path))


@lru_cache(maxsize=32)
def _parse_target(profile_path: Path, profile_text: bytes, tables: tuple[tuple[Path, bytes], ...]) -> Target:
    """Parse the texts, once for all recipes that name the target: it takes tens of milliseconds."""
    profile, (table, schemes) = parse(profile_path, profile_text), merged_table(tables)
    operators_path = tables[-1][0]
    try:
        merged = OperatorTable.model_validate(table)
    except ValidationError as error:
        raise unfit(operators_path, error) from error
    if profile.get("runtime") != merged.runtime:
        raise bad(operators_path, f"the table is for {merged.runtime}, the profile for {profile.get('runtime')}")
    try:
        target = Target.model_validate({**_with_scheme(profile, schemes, profile_path), "table": merged})
    except ValidationError as error:
        raise unfit(profile_path, error) from error
    scheme = target.precisions["int8"].scheme if target.supports("int8") else None
    return target.model_copy(update={"cost": target.cost.knowing(scheme)})


def _with_scheme(profile: dict[str, Any], schemes: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Put a quantisation scheme of the runtime where the profile only names it."""
    precisions = profile.get("precisions")
    entry: object = cast("dict[str, object]", precisions).get("int8") if isinstance(precisions, dict) else None
    name: object = cast("dict[str, object]", entry).get("scheme") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        return profile
    if name not in schemes:
        near = did_you_mean(name, schemes) or f"it has {', '.join(schemes) or 'none'}"
        raise bad(path, f"precisions.int8.scheme: the operator table has no scheme `{name}`", help=near)
    integers = {**cast("dict[str, Any]", entry), "scheme": {"name": name, **schemes[name]}}
    return {**profile, "precisions": {**cast("dict[str, Any]", precisions), "int8": integers}}
