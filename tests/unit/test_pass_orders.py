"""What planning says about the order of passes: every rule with its message, in one golden file."""

from pathlib import Path

from compiler.diagnostic import Diagnostic
from compiler.plan import make_plan
from compiler.recipe import load_recipe
from compiler.registry import load_pass, pass_names

GOLDEN = Path(__file__).parents[1] / "golden" / "pass_orders.txt"
HEAD = "version: 1\nproduct: p\nmodel: {onnx: m.onnx}\n"


def test_planning_says_what_the_golden_file_shows(tmp_path: Path, update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    given = [line for line in GOLDEN.read_text("utf-8").splitlines() if not line.startswith("  ")]
    found = "".join(_answer(tmp_path, line) for line in given)
    if update_golden:
        GOLDEN.write_text(found, "utf-8")
    else:
        assert found == GOLDEN.read_text("utf-8")


def test_every_rule_of_a_pass_about_another_has_its_message_there() -> None:
    shown = GOLDEN.read_text("utf-8")
    kinds = [load_pass(name) for name in pass_names()]
    rules = {
        why for kind in kinds for rows in (kind.spoilt_by, kind.undoes, kind.comes_before) for why in rows.values()
    }
    assert [why for why in sorted(rules) if why not in shown] == []


def _answer(folder: Path, line: str) -> str:
    """Plan `tx2: level-prune, fp16` and write what is found, in the order of the passes."""
    if not line or line.startswith("#"):
        return f"{line}\n"
    target, _, passes = line.partition(": ")
    path = folder / "recipe.yaml"
    path.write_text(f"{HEAD}target: {target}\npasses: [{passes}]\n", "utf-8")
    return line + "\n" + "".join(f"  {_said(item)}\n" for item in make_plan(load_recipe(path), target).findings)


def _said(item: Diagnostic) -> str:
    return f"{item.severity}[{item.code.id}] {item.message}" + (f"; {item.help}" if item.help else "")
