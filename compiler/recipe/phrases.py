"""The words in which faults of a recipe's values are told."""

import re
from collections.abc import Mapping
from typing import Any

from compiler.yaml.node import Key, Node

_MAX_SHOWN = 60
_LIST, _MAPPING, _WHOLE = "a list", "a mapping", "a whole number"

TAKES: Mapping[str, str] = {
    "string_type": "a text",
    "path_type": "a path",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "none_required": "null",
}
"""What a key takes, by the kind of pydantic's complaint."""

_LIMITS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "string_pattern_mismatch": "of the form {pattern}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "missing": "longer",
}


def takes(error: Any) -> str:
    """Say what a key takes."""
    return TAKES.get(error["type"]) or str(error["ctx"]["expected"])


def limit(error: Any) -> str:
    """Say which limit a value breaks."""
    pattern = _LIMITS.get(error["type"])
    context = {name: _short(value) for name, value in error.get("ctx", {}).items()}
    return str(error["msg"]) if pattern is None else pattern.format(**context)


def _short(value: object) -> object:
    """Return a limit as people write it: 0 rather than 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def literals(wanted: str) -> list[str]:
    """Return the quoted words of a phrase."""
    return re.findall(r"'([^']*)'", wanted)


def name_of(path: tuple[Key, ...]) -> str:
    """Name a place by its last key and the indexes after it."""
    names = [place for place, key in enumerate(path) if isinstance(key, str)]
    if not names:
        return "the recipe"
    indexes = "".join(f"[{key}]" for key in path[names[-1] + 1 :])
    return f"`{path[names[-1]]}{indexes}`"


def found(node: Node) -> str:
    """Say what stands in the file."""
    value = node.value
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "a mapping"
    if value is None:
        return "nothing"
    text = node.text if node.text is not None else str(value)
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
    if isinstance(value, bool):
        return f"the boolean {shown}"
    return f'"{shown}"' if isinstance(value, str) else shown


def type_help(node: Node, wanted: str) -> str | None:
    """Say what to do about the slips that YAML invites."""
    if isinstance(node.value, bool):
        takes_text = "text" in wanted or "path" in wanted or "'" in wanted
        quoted = f'; write "{node.text}" to mean the text' if takes_text else ""
        return f"YAML reads a bare {node.text} as a boolean{quoted}"
    if isinstance(node.value, str) and "number" in wanted and re.fullmatch(r"[-+.\d_eE]*\d[-+.\d_eE]*", node.value):
        return "remove the quotes"
    if isinstance(node.value, int | float) and "text" in wanted:
        return f'write "{node.text}" to mean the text'
    if node.value is None:
        return "give a value, or remove the key"
    return None
