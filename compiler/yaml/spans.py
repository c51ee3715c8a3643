"""YAML read into plain values that know where they stand; double keys are refused."""

import re
from collections.abc import Mapping
from pathlib import Path

from compiler.codes.recipe import NOT_A_MAPPING, NOT_UTF8, TOO_LARGE, UNREADABLE, YAML_SYNTAX
from compiler.diagnostic import Span
from compiler.yaml.node import Key, Node, Text, merge, text_error

__all__ = ["MAX_BYTES", "Key", "Node", "Text", "load_yaml", "merge", "parse_yaml", "text_error"]

MAX_BYTES = 4 * 1024 * 1024
_STRANGE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def load_yaml(path: Path) -> Node:
    """Read a YAML file whose outermost level is a mapping. Raises CompressError at the place of a fault."""
    root = parse_yaml(Text(str(path), _read(path)))
    if isinstance(root.value, Mapping):
        return root
    shape = "is a list" if isinstance(root.value, tuple) else "is a single value"
    message = f"the outermost level {shape}, it must be a mapping" if root.text != "" else "the file is empty"
    raise text_error(NOT_A_MAPPING, message, root.span, "start with keys at the left margin, such as `version: 1`")


def parse_yaml(source: Text) -> Node:
    """Parse one YAML document of any shape; a blank one is None. Raises CompressError at the place of a fault."""
    # PyYAML takes 30 ms to import, which listing commands do not need.
    from compiler.yaml.builder import build_node

    strange = _STRANGE.search(source.text)
    if strange is not None:
        message = f"character U+{ord(strange[0]):04X} cannot stand in a YAML text"
        raise text_error(YAML_SYNTAX, message, source.span_at(strange.start()), "delete the invisible character")
    return build_node(source)


def _read(path: Path) -> str:
    """Read at most one byte over the bound, so that an endless device is no trap."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as fault:
        reason = (fault.strerror if isinstance(fault, OSError) else None) or "not a valid path"
        raise text_error(UNREADABLE, f"cannot read the file: {reason.lower()}", Span(str(path))) from fault
    if len(data) > MAX_BYTES:
        raise text_error(TOO_LARGE, f"the file is larger than {MAX_BYTES} bytes", Span(str(path)))
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as fault:
        readable = Text(str(path), fault.object.decode(errors="replace"))
        place = readable.span_at(len(fault.object[: fault.start].decode()))
        message = f"byte 0x{fault.object[fault.start]:02x} is not UTF-8"
        raise text_error(NOT_UTF8, message, place, "save the file as UTF-8") from fault
