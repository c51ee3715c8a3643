"""`compress inspect --stages`: where a backbone can be cut off, and what it costs up to there."""

from pathlib import Path

from compiler.ir import model_bytes, parse_program
from tests.support.commands import RECIPES, compress

DETECTOR = RECIPES / "quickstart" / "detector.onnx"


def test_the_document_holds_stages_with_their_costs_and_the_cut() -> None:
    said = compress("inspect", DETECTOR, "--stages", "--format", "json")
    found = said.json()
    assert said.status == 0
    assert found["cut"] == ["stage2_add_out", "stage3_add_out"]
    assert [(row["channels"], row["height"], row["is_cut"]) for row in found["stages"]] == [
        (16, 80, False), (32, 40, False), (64, 20, True), (64, 10, True)
    ]  # fmt: skip
    whole = compress("inspect", DETECTOR, "--format", "json").json()["total"]
    macs = [row["macs"] for row in found["stages"]]
    assert macs == sorted(macs) and macs[-1] < whole["macs"]


def test_the_table_names_the_tensors_to_cut_at() -> None:
    said = compress("inspect", DETECTOR, "--stages")
    assert said.status == 0
    assert "cuts at stage2_add_out, stage3_add_out" in said.out


def test_a_network_that_never_shrinks_has_no_backbone(tmp_path: Path) -> None:
    path = tmp_path / "flat.onnx"
    path.write_bytes(model_bytes(parse_program(
        "g (float[1,3,4,4] x) => (float[1,2,4,4] y) <float[2,3,1,1] w> { [c] y = Conv (x, w) }"
    )))  # fmt: skip
    assert "no backbone" in compress("inspect", path, "--stages").out


def test_stages_stand_alone() -> None:
    assert compress("inspect", DETECTOR, "--stages", "--groups").status == 2
