"""The plan: what a recipe's list of passes becomes."""

from fractions import Fraction
from pathlib import Path

import pytest

from compiler.diagnostic import CompressError
from compiler.plan import Plan, make_plan
from compiler.recipe import load_recipe

HEAD = "version: 1\nproduct: p\nmodel: {onnx: m.onnx}\ntarget: host\n"


def plan(folder: Path, passes: str) -> Plan:
    path = folder / "recipe.yaml"
    path.write_text(HEAD + passes)
    return make_plan(load_recipe(path), "host")


def test_repeat_runs_its_passes_in_rounds(tmp_path: Path) -> None:
    made = plan(tmp_path, "passes:\n  - repeat: {rounds: 2, passes: [{level-prune: {level: 0.5}}, fp16]}\n  - fp16\n")
    steps = [step for step in made.steps if not step.is_clean_up]
    assert [step.title for step in steps] == [
        "level-prune (round 1 of 2)",
        "fp16 (round 1 of 2)",
        "level-prune (round 2 of 2)",
        "fp16 (round 2 of 2)",
        "fp16",
    ]
    assert [step.round.way for step in steps if step.round is not None] == [Fraction(1, 2)] * 2 + [Fraction(1)] * 2
    assert str(steps[0].span).endswith("recipe.yaml:6:35")


@pytest.mark.parametrize(
    ("passes", "code", "place"),
    [
        ("  - repeat: {rounds: 1, passes: [fp16]}", "R010", "6:22"),
        ("  - repeat: {rounds: 2}", "R005", "6:5"),
        ("  - repeat: {rounds: 2, passes: []}", "R010", "6:33"),
        ("  - repeat: {rounds: 2, passes: [fp61]}", "R006", "6:34"),
        ("  - repeat: {rounds: 2, passes: [level-prune: {levle: 1}]}", "R003", "6:48"),
        ("  - repeat: {rounds: 2, passes: [repeat: {rounds: 2, passes: [fp16]}]}", "P030", "6:34"),
        ("  - repeat: {round: 2, passes: [fp16]}", "R003", "6:14"),
        ("  - repeat", "R005", "6:5"),
    ],
)
def test_faults_inside_a_repeat_are_told_at_their_place(tmp_path: Path, passes: str, code: str, place: str) -> None:
    with pytest.raises(CompressError) as caught:
        plan(tmp_path, f"passes:\n{passes}\n")
    assert (code, f"{tmp_path}/recipe.yaml:{place}") in [
        (item.code.id, str(item.span)) for item in caught.value.diagnostics
    ]


def test_pruning_after_narrow_weights_is_a_finding_where_the_weights_are_narrowed(tmp_path: Path) -> None:
    passes = "passes:\n  - fp16\n  - level-prune: {level: 0.5}\n"
    found = plan(tmp_path, passes).findings
    assert [(item.code.id, str(item.span)) for item in found] == [
        ("P092", f"{tmp_path}/recipe.yaml:6:5"),
        ("P033", f"{tmp_path}/recipe.yaml:7:5"),
    ]
    assert "level-prune comes after fp16" in found[1].message
    on_board = make_plan(load_recipe(tmp_path / "recipe.yaml"), "tx2").findings
    assert [item.code.id for item in on_board] == ["P032"]
    plan(tmp_path, "passes:\n  - level-prune: {level: 0.5}\n  - fp16\n")
    assert not make_plan(load_recipe(tmp_path / "recipe.yaml"), "tx2").findings


def test_addends_are_folded_before_channels_are_cut(tmp_path: Path) -> None:
    made = plan(tmp_path, "passes:\n  - level-prune: {level: 0.5}\n  - level-prune: {level: 0.2}\n")
    assert [step.todo.slug() for step in made.steps][:3] == ["fold-affine", "level-prune", "level-prune"]
