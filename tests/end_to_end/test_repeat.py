"""`repeat`: pruning in rounds ends where pruning at once would, with figures after each round."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import compress

ROUNDS = "  - repeat: {{rounds: 3, passes: [level-prune: {{{options}, channel_multiple: 1}}]}}\n"
ONCE = "  - level-prune: {{{options}, channel_multiple: 1}}\n"


def build(folder: Path, passes: str, name: str) -> Any:
    """Build for the host with these passes and read the report."""
    recipe = folder / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(f"{text[: text.index('passes:')]}passes:\n{passes}seed: 7\n")
    said = compress("build", "recipe.yaml", "--target", "host", "--out", name, cwd=folder)
    assert said.status == 0, said.err
    return json.loads((folder / name / "quickstart/host/report.json").read_text())


@pytest.mark.parametrize("options", ["level: 0.7", "scope: global, goal: {macs: 0.4x}, sensitivity_images: 0"])
def test_rounds_end_where_one_pass_would(quickstart: Path, options: str) -> None:
    once = build(quickstart, ONCE.format(options=options), "once")
    rounds = build(quickstart, ROUNDS.format(options=options), "rounds")
    steps = [step for step in rounds["passes"] if step["name"] == "level-prune"]
    assert [step["round"] for step in steps] == [1, 2, 3]
    sizes = [step["after"]["parameters"] for step in steps]
    assert rounds["source"]["parameters"] > sizes[0] > sizes[1] > sizes[2]
    assert all("ap50" in step["accuracy"] for step in steps)
    if "level" in options:
        assert rounds["result"]["parameters"] == once["result"]["parameters"]
    else:
        assert once["result"]["macs"] <= 0.4 * rounds["source"]["macs"]
        assert rounds["result"]["macs"] == pytest.approx(once["result"]["macs"], rel=0.02)
