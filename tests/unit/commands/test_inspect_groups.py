"""`compress inspect --groups`: which layers lose filters together, what is cut with them, and what stays."""

from pathlib import Path

import pytest

from compiler.analysis.channels import find_channels
from compiler.analysis.channels.graph import group_graph
from compiler.ir import model_bytes, parse_program
from tests.support.commands import RECIPES, compress

DETECTOR = RECIPES / "quickstart" / "detector.onnx"
RESIDUAL = parse_program("""
g (float[1,3,4,4] x) => (float[1,2,4,4] y)
   <float[4,3,1,1] w, float[6,4,1,1] u, float[6] b, float[4,6,1,1] t, float[2,4,1,1] o>
{
   [stem] a = Conv (x, w)  [wide] d = Conv (a, u, b)  [back] c = Conv (d, t)
   [add] e = Add (a, c)  [head] y = Conv (e, o)
}
""")


@pytest.fixture
def residual(tmp_path: Path) -> Path:
    path = tmp_path / "residual.onnx"
    path.write_bytes(model_bytes(RESIDUAL))
    return path


def test_the_document_holds_groups_cuts_reasons_and_the_graph(residual: Path) -> None:
    document = compress("inspect", residual, "--groups", "--format", "json").json()
    tied, inner = document["groups"]
    assert (tied["units"], tied["filters"], tied["layers"]) == (4, 8, ["stem", "back"])
    cuts = [(cut["layer"], cut["slot"], cut["axis"]) for cut in tied["cuts"]]
    assert cuts == [("stem", 1, 0), ("wide", 1, 1), ("back", 1, 0), ("head", 1, 1)]
    assert (inner["units"], inner["filters"], inner["layers"]) == (6, 6, ["wide"])
    cuts = [(cut["layer"], cut["slot"], cut["axis"]) for cut in inner["cuts"]]
    assert cuts == [("wide", 1, 0), ("wide", 2, 0), ("back", 1, 1)]
    assert document["kept"] == [{"layer": "head", "why": "its channels reach the network's output y"}]
    assert document["graph"] == {
        "nodes": ["stem", "wide", "back", "head"],
        "edges": [{"layers": ["stem", "back"], "units": 4}],
    }


def test_the_text_has_a_line_for_each_group_cut_and_layer_that_stays(residual: Path) -> None:
    said = compress("inspect", residual, "--groups")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert (said.status, said.err) == (0, "")
    assert "1 4 8 stem, back" in lines
    assert "2 6 6 wide" in lines
    assert "wide 2 2 0" in lines
    assert "head its channels reach the network's output y" in lines


def test_a_network_without_layers_has_nothing_to_show(tmp_path: Path) -> None:
    path = tmp_path / "relu.onnx"
    path.write_bytes(model_bytes(parse_program("g (float[1,3,4,4] x) => (float[1,3,4,4] y) { y = Relu (x) }")))
    assert compress("inspect", path, "--groups").out == "g: no layer has filters that can go\n"
    document = compress("inspect", path, "--groups", "--format", "json").json()
    assert document == {"groups": [], "kept": [], "graph": {"nodes": [], "edges": []}}


def test_a_terminal_of_80_columns_shows_every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    said = compress("inspect", DETECTOR, "--groups")
    plain = said.out.replace("\x1b[1m", "").replace("\x1b[3m", "").replace("\x1b[0m", "")
    assert max(len(line) for line in plain.splitlines()) <= 80
    assert "stage3_conv1, stage3_conv2" in plain


def test_a_board_has_no_say_in_the_groups() -> None:
    said = compress("inspect", DETECTOR, "--groups", "--target", "tx2")
    assert said.status == 2
    assert "leave out --target or --groups" in said.err


def test_what_cannot_be_read_is_said_as_ever(tmp_path: Path) -> None:
    said = compress("inspect", tmp_path / "gone.onnx", "--groups", "--format", "json")
    assert said.status == 2
    assert said.json()["findings"]


def test_layers_that_share_units_in_several_groups_have_one_edge_with_the_sum() -> None:
    """The Split lets half of the tied channels go to a head of their own: two groups, the same two layers."""
    channels = find_channels(
        parse_program("""
        g (float[1,3,4,4] x) => (float[1,2,4,4] y, float[1,2,4,4] z)
           <float[6,3,1,1] w, float[6,3,1,1] u, int64[2] parts = {2, 4}, float[2,2,1,1] o, float[2,4,1,1] p>
        {
           [one] a = Conv (x, w)  [two] b = Conv (x, u)  [add] c = Add (a, b)
           [split] d, e = Split <axis: int = 1> (c, parts)
           [left] y = Conv (d, o)  [right] z = Conv (e, p)
        }
        """)
    )
    assert [group.units.size for group in channels.groups] == [2, 4]
    assert list(group_graph(channels).edges(data=True)) == [("one", "two", {"units": 6})]
