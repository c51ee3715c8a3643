"""The page stands alone, says what it must, and no name can act as HTML."""

import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from types import FrameType

import pytest

from compiler.report import BuildReport, to_html, to_json, to_markdown

_HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b\n`x`",
    "{{ 7 * 7 }}",
    "\u202etext",
    "漢字",
]
_VOID = {"meta"}


class _Page(HTMLParser):
    """Reads a page into its tags, with the names of their attributes, and its text; tags must nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.targets += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("end", _HOSTILE)
def test_a_hostile_name_changes_no_tag_and_no_attribute(
    end: str, report_with: Callable[[str, int], BuildReport]
) -> None:
    assert _Page(to_html(report_with(end, 2))).tags == _Page(to_html(report_with("", 2))).tags


def test_a_hostile_name_is_shown_as_it_is(report_with: Callable[[str, int], BuildReport]) -> None:
    page = _Page(to_html(report_with("<b>{{ 7 * 7 }}</b>\n", 2)))
    assert "barn-camera<b>{{ 7 * 7 }}</b>\\n" in page.words


def test_the_page_asks_for_nothing_outside_itself(full_report: BuildReport) -> None:
    text = to_html(full_report)
    page = _Page(text)
    assert {target.removeprefix("#") for target in page.targets} <= set(page.ids)
    assert all(target.startswith("#") for target in page.targets)
    assert "url(" not in text
    assert "@import" not in text
    assert not {"script", "link", "img", "iframe"} & {tag for tag, *_ in page.tags}


def test_ids_are_unique_and_headings_skip_no_level(full_report: BuildReport) -> None:
    page = _Page(to_html(full_report))
    assert len(page.ids) == len(set(page.ids))
    levels = [int(tag[1]) for tag, *_ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_says_what_a_reader_needs(full_report: BuildReport) -> None:
    words = " ".join(_Page(to_html(full_report)).words.split())
    for wanted in (
        "6,006,646",
        "6.51 GMAC",
        "24.0 MB",
        "49.5 ms",
        "kept 24 of 32",
        "32 × 16 × 3 × 3",
        "its filters reach an output (3 layers)",
        "What to do: round the kept filters up",
        "nothing was timed",
        "1 of 3 budget limits missed",
        "sh time.sh --runs 200",
        "5 min 5 s",
    ):
        assert wanted in words


def test_a_bare_report_is_written_and_is_not_called_ready(bare_report: BuildReport) -> None:
    words = _Page(to_html(bare_report)).words
    assert "Not usable yet" in words
    assert "No pass ran." in words
    assert "No latency is predicted here" in words


@pytest.mark.parametrize("write", [to_html, to_markdown, to_json])
def test_the_work_grows_no_faster_than_the_model(
    write: Callable[[BuildReport], str], report_with: Callable[[str, int], BuildReport]
) -> None:
    write(report_with("", 2))
    small, large = report_with("", 125), report_with("", 500)
    assert _calls(lambda: write(large)) < 4.4 * _calls(lambda: write(small))


@pytest.mark.parametrize("write", [to_html, to_markdown, to_json])
def test_equal_reports_give_equal_bytes(
    write: Callable[[BuildReport], str], report_with: Callable[[str, int], BuildReport]
) -> None:
    assert write(report_with("", 5)) == write(report_with("", 5))


def _calls(work: Callable[[], object]) -> int:
    """Count the function calls that some work takes: a measure of time that no machine disturbs."""
    seen = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal seen
        del frame, arg
        seen += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen
