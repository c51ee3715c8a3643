"""YAML into values with places."""

from pathlib import Path

import pytest

from compiler.diagnostic import CompressError, Diagnostic
from compiler.yaml.spans import MAX_BYTES, Text, load_yaml, merge, parse_yaml


def read(text: str) -> object:
    return parse_yaml(Text("f.yaml", text)).plain()


def fault(text: str) -> Diagnostic:
    with pytest.raises(CompressError) as caught:
        parse_yaml(Text("f.yaml", text))
    (finding,) = caught.value.diagnostics
    return finding


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("600_000", 600_000),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("'1e-3'", "1e-3"),
        ("0.1x", "0.1x"),
        ("0x1f", 31),
        ("12:30:45", "12:30:45"),
        ("2024-02-30", "2024-02-30"),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("!!str 5", "5"),
        ("[1, [2], {a: }]", [1, [2], {"a": None}]),
        ("{0: a, 1.5: b}", {"0": "a", "1.5": "b"}),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        ("", None),
        ("# nothing", None),
    ],
)
def test_text_is_read_as_its_plain_value(text: str, value: object) -> None:
    assert read(text) == value


def test_places_count_from_one_and_carry_their_line() -> None:
    root = parse_yaml(Text("f.yaml", "a: 1\r\nb:\r\n  - {c: d}\r\n"))
    node = root.get("b", 0, "c")
    assert node is not None
    assert (str(node.span), str(node.key), node.span.source) == ("f.yaml:3:9", "f.yaml:3:6", "  - {c: d}")


def test_lines_end_where_yaml_ends_them() -> None:
    text = "a: 'x\u2028y'\nb: [\n"
    assert str(fault(text).span) == "f.yaml:3:5"


def test_columns_count_characters_not_bytes() -> None:
    node = parse_yaml(Text("f.yaml", "{実測: 1, b: 2}")).get("b")
    assert node is not None
    assert str(node.span) == "f.yaml:1:12"


def test_alias_keeps_the_place_of_its_value_and_gets_its_own_key() -> None:
    node = parse_yaml(Text("f.yaml", "a: &x 1\nb: *x\n")).get("b")
    assert node is not None
    assert (str(node.span), str(node.key)) == ("f.yaml:1:4", "f.yaml:2:1")


def test_merge_is_deep_for_mappings_only() -> None:
    base = parse_yaml(Text("base", "{a: {b: 1, c: 2}, d: [1, 2], e: 1}"))
    over = parse_yaml(Text("over", "{a: {c: 3}, d: [9], e: {f: 1}}"))
    assert merge(base, over).plain() == {"a": {"b": 1, "c": 3}, "d": [9], "e": {"f": 1}}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: !!int x", "R001"),
        ("a: !!float ''", "R001"),
        ("a: !!bool maybe", "R001"),
        ("a: !!binary aGk=", "R014"),
        ("a: !!seq {b: 1}", "R014"),
        ('a: "\\0"', "R001"),
        ("a: " + "9" * 5000, "R001"),
        ("a: 0x" + "f" * 5000, "R013"),
        ("a: 1e999", "R014"),
        ("null: 1", "R015"),
        ("%YAML 9.9\n---\na: 1", "R001"),
        ("a: b\x7f", "R001"),
        ("a: \ufeffb", "R001"),
        ("[" * 100_000, "R013"),
        ("\n".join(f"{' ' * depth}a:" for depth in range(100)), "R013"),
    ],
)
def test_fault_is_a_diagnostic_with_a_place(text: str, code: str) -> None:
    finding = fault(text)
    assert finding.code.id == code
    assert finding.span is not None
    assert finding.span.line is not None


def test_aliases_cannot_pile_up_depth() -> None:
    chain = "a0: &a0 " + "[" * 40 + "]" * 40 + "\na1: " + "[" * 40 + "*a0" + "]" * 40
    assert fault(chain).code.id == "R013"


def test_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_yaml(path).plain() == {"a": 1}


def test_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(CompressError) as caught:
        load_yaml(path)
    assert [item.code.id for item in caught.value.diagnostics] == ["R013"]


def test_broken_byte_is_found_at_its_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes("a: é\nb: é".encode() + b"\xff")
    with pytest.raises(CompressError) as caught:
        load_yaml(path)
    assert str(caught.value.diagnostics[0].span) == f"{path}:2:5"
