"""The table's vocabulary: when a restriction is about a node, and how its attributes are read."""

import pytest
from pydantic import ValidationError

from compiler.ir import ProgramView
from compiler.ir.text import parse_program
from compiler.operator_table import AttributeLimit, ConstantInput, Operator, RankLimit, attribute_values, one_of

TEXT = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[1,1,4,4] x, float[0] roi, float[4] s) => (float[1,1,n,m] a, float[1,1,p,q] b)
{
   [plain] a = Resize (x, roi, s)
   [linear] b = Resize <mode: string = "linear"> (x, roi, s)
}
"""


def program() -> ProgramView:
    return parse_program(TEXT)


def applies(**conditions: object) -> list[str]:
    """Name the nodes that a restriction with these conditions is about."""
    limit = RankLimit.model_validate({"rank": [4], **conditions})
    view = program()
    return [op.name for op in view.each() if limit.applies(op, view)]


@pytest.mark.parametrize(
    ("conditions", "nodes"),
    [
        ({}, ["plain", "linear"]),
        ({"when": {"mode": "linear"}}, ["linear"]),
        ({"when": {"mode": ["nearest", None]}}, ["plain"]),
        ({"when": {"mode": ["cubic", "linear"]}}, ["linear"]),
        ({"when_rank": [4]}, ["plain", "linear"]),
        ({"when_rank": [5]}, []),
        ({"when_types": ["float32"]}, ["plain", "linear"]),
        ({"when_types": ["float16"]}, []),
        ({"since": 14}, []),
        ({"since": 13, "until": 13}, ["plain", "linear"]),
        ({"until": 12}, []),
    ],
)
def test_a_restriction_counts_where_all_its_conditions_hold(conditions: dict[str, object], nodes: list[str]) -> None:
    assert applies(**conditions) == nodes


def test_silent_restrictions_say_so() -> None:
    hard = AttributeLimit(attribute="mode", because="no kernel")
    silent = AttributeLimit(attribute="mode", because="never read", kind="silent")
    assert hard.explain("fault") == "fault: no kernel"
    assert silent.explain("fault") == "fault; it is accepted and computed wrongly: never read"


def test_attributes_read_as_plain_values() -> None:
    text = "[pool] y = MaxPool <kernel_shape: ints = [2, 2], ceil_mode: int = 0> (x)"
    view = parse_program(f"g (float[1,1,4,4] x) => (float[1,1,3,3] y) {{ {text} }}")
    pool = view.op("pool")
    assert attribute_values(pool, "kernel_shape") == (2, 2)
    assert attribute_values(pool, "ceil_mode") == (0,)
    assert attribute_values(pool, "pads") is None
    assert attribute_values(program().op("linear"), "mode") == ("linear",)


def test_a_choice_reads_as_a_sentence() -> None:
    assert [one_of(items) for items in ([1], [1, 2], [1, 2, 3])] == ["1", "1 or 2", "1, 2 or 3"]


def test_rows_pick_the_kind_of_restriction_by_its_key() -> None:
    row = Operator.model_validate({"limits": [{"rank": [2]}, {"constant": {1: "weight"}}]})
    assert [type(limit) for limit in row.limits] == [RankLimit, ConstantInput]
    with pytest.raises(ValidationError):
        Operator.model_validate({"limits": [{"rank": [2], "constant": {1: "weight"}}]})
