"""Row by row: the shipped table of TensorRT 8.2 against the list of what its sources say."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

import pytest
import yaml
from shipped_targets import RULES, load, rule

from compiler.operator_table import (
    AbsentInput,
    AnyLimit,
    AttributeLimit,
    ComputedInput,
    ConstantInput,
    CountLimit,
    Operator,
    RankLimit,
    StaticLimit,
    SymmetryLimit,
    ValueLimit,
)


class Row(TypedDict, total=False):
    supported: bool
    types: list[str]
    restrictions: dict[str, str]


ROWS = cast("dict[str, Row]", yaml.safe_load((Path(__file__).parent / "tensorrt_8_2_rows.yaml").read_text()))
TABLE = load("tx2").table
SLUGS = {rule(name).code.slug for name in RULES}
CODES = {rule(name).code.id for name in RULES}


def subjects(limit: AnyLimit) -> list[str]:
    match limit:
        case ConstantInput():
            return [f"constant:{slot}" for slot in limit.constant]
        case ComputedInput():
            return [f"computed:{slot}" for slot in limit.computed]
        case AbsentInput():
            return [f"absent:{slot}" for slot in limit.absent]
        case RankLimit():
            return [f"rank:{limit.input}"]
        case AttributeLimit():
            return [f"attribute:{limit.attribute}"]
        case ValueLimit():
            return [f"value:{slot}" for slot in limit.value]
        case CountLimit():
            return [f"uses:{limit.uses}"]
        case StaticLimit():
            return [f"static:{limit.static}"]
        case SymmetryLimit():
            return [f"symmetric:{limit.symmetric}"]
        case _:
            return ["newest"]


def covers(row: Operator) -> Iterator[str]:
    """Yield what a shipped row covers, in the words of the list."""
    for limit in row.limits:
        yield from (f"{'silent ' if limit.kind == 'silent' else ''}{subject}" for subject in subjects(limit))
    yield from (f"rule:{slug}" for slug in row.rules)
    if row.slow is not None:
        yield "slow"


def test_the_table_has_the_rows_of_the_list() -> None:
    assert set(TABLE.operators) == set(ROWS)
    assert len(ROWS) == 181
    assert sum(row.supported for row in TABLE.operators.values()) == 130


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_shipped_row_says_what_the_list_says(name: str) -> None:
    wanted, row = ROWS[name], TABLE.operators[name]
    assert row.supported is wanted.get("supported", True)
    assert set(row.types) == set(wanted.get("types", []))
    stated = set(wanted.get("restrictions", {}).values())
    assert "types" not in stated or row.types
    elsewhere = {"types", "onnx"} | CODES
    assert stated - elsewhere == set(covers(row))
    assert set(row.rules) <= SLUGS


def test_every_refusal_and_limit_says_what_to_do() -> None:
    rows = TABLE.operators.items()
    assert not [name for name, row in rows if not row.supported and not row.help]
    assert not [name for name, row in rows for limit in row.limits if not limit.help]
    assert not [name for name, row in rows for limit in row.limits if limit.kind == "silent" and not limit.because]
