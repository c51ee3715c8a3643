"""No name can act as Markdown: a CommonMark parser with tables is the judge."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from compiler.report import BuildReport, labels, to_markdown
from compiler.report.markdown_words import name, prose

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "a\\|b",
    "`x`",
    "``|`",
    "line\nbreak\r\n# title",
    "\u202etext",
    "**bold** _em_ ~~gone~~",
    "[link](javascript:alert(1))",
    "![image](x)",
    "&lt;b&gt; &#124;",
    "@someone #12 https://example.org www.example.org",
    "漢字 عربى",
    " ",
]
_TEXTS = st.text(st.one_of(st.sampled_from("`|\\<>*_[]()!&#;~@:/.- \n"), st.characters(exclude_categories=["Cs"])))


@pytest.mark.parametrize("end", HOSTILE)
def test_a_hostile_name_changes_no_structure(end: str, report_with: Callable[[str, int], BuildReport]) -> None:
    assert _structure(to_markdown(report_with(end, 2))) == _structure(to_markdown(report_with("", 2)))


@settings(max_examples=150, deadline=None)
@given(_TEXTS)
def test_a_name_in_a_table_reads_as_written(raw: str) -> None:
    assert _cell(name(raw)) == labels.visible(raw)


@settings(max_examples=150, deadline=None)
@given(_TEXTS)
def test_a_sentence_in_a_table_reads_as_written(raw: str) -> None:
    written = labels.visible(raw).replace("\u2060", "")
    said = written if written.count("`") % 2 else written.replace("`", "")
    assert _cell(prose(raw)).replace("\u2060", "").strip() == said.strip()


def test_words_of_a_recipe_are_code() -> None:
    assert prose("set `level` and `a|b`") == "set `level` and <code>a&#124;b</code>"


def test_a_plain_name_stays_readable_in_the_source() -> None:
    assert name("/model/conv_1.0/Conv") == "`/model/conv_1.0/Conv`"


def test_a_mention_is_broken_up() -> None:
    assert "@someone" not in prose("ask @someone")


def test_a_bare_report_is_written(bare_report: BuildReport) -> None:
    text = to_markdown(bare_report)
    assert "No latency is predicted" in text
    assert "## " not in text


def test_the_summary_sets_source_beside_result(full_report: BuildReport) -> None:
    text = to_markdown(full_report)
    assert "| Parameters | 6,006,646 | 592,114 | −90.1 % |" in text
    assert "| Predicted latency | 49.5 ms | 12.1 ms | −75.6 % |" in text
    assert "nothing was timed on a board" in text


def _parse(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def _structure(text: str) -> list[str]:
    """List the block tokens, and the inline ones but for those that hold text or a name."""
    inline = [child.type for token in _parse(text) for child in token.children or [] if not _holds_text(child)]
    return [token.type for token in _parse(text)] + inline


def _holds_text(token: Token) -> bool:
    is_code = token.type == "code_inline" or token.content in ("<code>", "</code>")
    return is_code or token.type in ("text", "text_special")


def _cell(text: str) -> str:
    """Read the middle cell of a row back as plain text."""
    rows = [token for token in _parse(f"| a | b | c |\n| - | - | - |\n| x | {text} | y |") if token.type == "inline"]
    assert [token.content for token in (rows[3], rows[5])] == ["x", "y"]
    assert len(rows) == 6
    children = rows[4].children or []
    assert all(_holds_text(child) for child in children)
    return "".join(child.content for child in children if child.type != "html_inline")
