"""Each faulty recipe of tests/golden/recipes against the text that its author would read."""

import re
from pathlib import Path

import pytest

from compiler.diagnostic import CompressError
from compiler.recipe import load_recipe
from compiler.rendering import render_text

FOLDER = Path(__file__).parents[2] / "golden" / "recipes"
FAULTY = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_recipe_is_told_as_expected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    path = Path(name)
    sets = re.findall(r"^# --set (.*)$", path.read_text(errors="replace"), re.MULTILINE)
    with pytest.raises(CompressError) as caught:
        load_recipe(path, sets)
    found = render_text(caught.value.diagnostics)
    assert found == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_each_expected_text_has_its_recipe() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {Path(name).stem for name in FAULTY}
