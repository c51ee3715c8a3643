"""The text that people read."""

import io

import pytest

from compiler.diagnostic import Diagnostic
from compiler.rendering import render, write_text

EXPECTED = r"""
error[T012] stem (Conv): stride 4 is more than the 3 that tx2 allows
  help: stride at most 3 here
warning[R002] my recipes/a,b:c.yaml:5:7: `seed` takes a whole number, found 100%
  5 | seed: x
    |       ^
note[P001] --set 1:3: head: found here
   | a=1
   |   ^
error[T012] stem\n::error::\x1b[31m50%\u202e\x9b0m\r,::1:2: HOSTILE: HOSTILE
  1 | HOSTILE
    |  ^
  help: HOSTILE
note[P001] nowhere
note[P001] net.onnx: a whole file
2 errors, 1 warning, 3 notes
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text_is_as_expected(findings: tuple[Diagnostic, ...]) -> None:
    hostile = r"stem\n::error::\x1b[31m50%\u202e\x9b0m\r,:"
    assert render(findings, "text") == EXPECTED.removeprefix("\n").replace("HOSTILE", hostile)


def test_no_findings_are_said_to_be_none() -> None:
    assert render((), "text") == "no findings\n"


def test_terminal_gets_colours(findings: tuple[Diagnostic, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    write_text(findings, stream)
    assert "\x1b[1;31merror[T012]\x1b[0m stem (Conv): stride 4" in stream.getvalue()
    assert "\x1b[31m50%" not in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminal_that_wants_none_gets_plain_text(
    name: str, value: str, findings: tuple[Diagnostic, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(name, value)
    stream = Terminal()
    write_text(findings, stream)
    assert stream.getvalue() == render(findings, "text")


def test_file_gets_plain_text(findings: tuple[Diagnostic, ...]) -> None:
    stream = io.StringIO()
    write_text(findings, stream)
    assert stream.getvalue() == render(findings, "text")


def test_unknown_format_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="no format xml"):
        render((), "xml")
