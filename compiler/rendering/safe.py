"""Keeps names from models and files from acting on a terminal or a build server."""

import json
from pathlib import Path
from urllib.parse import quote

from compiler.diagnostic import Span


def visible(text: str) -> str:
    r"""Return a text with all that does not print spelled out: an escape becomes \x1b, a line break \n."""
    return "".join(char if char.isprintable() else _spell(char) for char in text)


def dump(document: object) -> str:
    """Return a JSON document in ASCII, so that no character in it can act on a terminal."""
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"


def file_of(span: Span | None) -> str | None:
    """Return the file that a place is in, seen from the working folder; None for a command-line option."""
    if span is None or is_option(span):
        return None
    path = Path(span.file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()


def uri_of(file: str) -> str:
    """Return a file's URI: relative where the file is."""
    path = Path(file)
    # Bytes, because a file name that is no UTF-8 has no text to quote.
    quoted = quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/~")
    return f"file://{quoted}" if path.is_absolute() else quoted


def is_option(span: Span) -> bool:
    """Tell whether a place is in a command-line option, such as `--set 1`, rather than in a file."""
    return span.file.startswith("--") and span.line is None


def _spell(char: str) -> str:
    # Not unicode_escape, which would need backslashes doubled to be read back and makes ordinary paths ugly.
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(char)
    return known.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
