"""Write names and sentences so that nothing in them acts as Markdown, HTML, a link or a mention."""

import re

from compiler.report import labels

_TAME_NAME = re.compile(r"[A-Za-z0-9_./-]([A-Za-z0-9_./ :,()-]*[A-Za-z0-9_./)-])?")
_LOUD = re.compile(
    r"[^A-Za-z0-9\s_,.;:()'/%=+-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # marks; an underscore inside a word is none
    r"|(?<=w)\.|:(?=//)"  # what makes a bare address a link
)
_REFERENCE = "@#"
_WORD_JOINER = "&#8288;"


def name(raw: str) -> str:
    """Write a name as code that none of its characters can end.

    A code span serves plain names. Others go into a code element as entities, which Markdown takes for no markup of its
    own: a code span ends at a backtick and cannot hold every mix of pipes and backslashes inside a table.
    """
    text = labels.visible(raw)
    return f"`{text}`" if _TAME_NAME.fullmatch(text) else f"<code>{_spelled(text)}</code>"


def prose(raw: str) -> str:
    """Write a sentence so that nothing in it acts as Markdown, HTML, a link or a mention, but `words of a recipe`."""
    parts = labels.visible(raw).split("`")
    if len(parts) % 2 == 0:
        return _LOUD.sub(_muted, labels.visible(raw))
    return "".join(name(part) if place % 2 and part else _LOUD.sub(_muted, part) for place, part in enumerate(parts))


def _muted(found: re.Match[str]) -> str:
    """Spell a character; an invisible joiner after it keeps a host from making a mention of the word that follows."""
    char = found[0]
    return _entity(char) + (_WORD_JOINER if char in _REFERENCE else "")


def _spelled(text: str) -> str:
    return "".join(char if char.isalnum() else _entity(char) for char in text)


def _entity(char: str) -> str:
    return char if ord(char) > 127 else f"&#{ord(char)};"
