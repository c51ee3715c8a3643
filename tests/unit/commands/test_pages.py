"""Manual pages: each code, pass and target has one, and each says what a person needs."""

import pytest

from compiler.registry import codes, load_named_target, pass_names, target_names
from tests.support.commands import compress

CODES = codes()


@pytest.mark.parametrize("name", CODES)
def test_every_code_has_a_page_under_its_number_and_its_slug(name: str) -> None:
    code = CODES[name]
    page = compress("explain", name)
    assert page.status == 0
    assert page.out == compress("explain", code.slug).out == compress("explain", name.lower()).out
    assert page.out.startswith(f"{name} {code.slug} ({code.severity})\n\n")
    assert len(page.out.split("\n\n", 1)[1]) > 60


@pytest.mark.parametrize("name", pass_names())
def test_every_pass_has_a_page_with_its_options(name: str) -> None:
    page = compress("explain", name)
    assert page.status == 0
    assert page.out == compress("passes", name).out
    assert page.out.startswith(f"{name}\n\n")
    assert "outputs stay the same" in page.out or "outputs change" in page.out


def test_an_options_default_is_written_as_in_a_recipe() -> None:
    page = " ".join(compress("passes", "level-prune").out.split())
    assert "level: share of each layer's filters to remove; needed without goal (default none)" in page
    assert "(default l1)" in page
    assert "()" not in page


@pytest.mark.parametrize("name", target_names())
def test_every_target_has_a_page_with_sources(name: str) -> None:
    page = compress("explain", name)
    assert page.status == 0
    assert page.out == compress("targets", name).out
    target = load_named_target(name)
    words = " ".join(page.out.split())
    for fact in target.board.facts.values():
        assert f"source: {' '.join(fact.source.split())}" in words
    assert max(len(line) for line in page.out.splitlines()) <= 110


@pytest.mark.parametrize(("command", "names"), [("targets", target_names()), ("passes", pass_names())])
def test_a_list_has_one_line_for_each(command: str, names: tuple[str, ...]) -> None:
    said = compress(command)
    lines = [line.split()[0] for line in said.out.splitlines() if line.strip()]
    assert [line for line in lines if line in names] == list(names)
    assert not any(line != line.rstrip() for line in said.out.splitlines())
