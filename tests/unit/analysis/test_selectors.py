"""Selectors are names, globs and operator types."""

import pytest

from compiler.analysis.selectors import check_selectors, select
from compiler.ir import parse_program

PROGRAM = parse_program("""
g (float[2] x) => (float[2] y) { ["neck.a"] a = Relu (x)  ["neck.b"] b = Neg (a)  [head] y = Relu (b) }
""")


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ([], set[str]()),
        (["neck.a"], {"neck.a"}),
        (["neck.*"], {"neck.a", "neck.b"}),
        (["Relu"], {"neck.a", "head"}),
        (["Relu", "neck.b"], {"neck.a", "neck.b", "head"}),
        (["relu", "NECK.*"], set[str]()),
        (["*"], {"neck.a", "neck.b", "head"}),
    ],
)
def test_a_pattern_selects_layers(patterns: list[str], found: set[str]) -> None:
    assert select(PROGRAM, patterns) == found


def test_a_pattern_without_a_layer_is_an_error_with_the_nearest_names() -> None:
    (fault,) = check_selectors(PROGRAM, ["haed", "neck.*"], "skip")
    assert fault.message == "skip: 'haed' matches no layer of the model"
    assert fault.help == "did you mean head?"
