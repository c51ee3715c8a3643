"""Plain values that know where in a text they stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from compiler.diagnostic import Code, CompressError, Diagnostic, Span

Key: TypeAlias = str | int
"""A step of a path: the key of a mapping, or the index of a list."""
Scalar: TypeAlias = str | int | float | bool | None

# NEL, LS and PS end a line in YAML 1.1, so counting lines by "\n" alone would point at the wrong one.
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True)
class Node:
    """A value, its place, and the place of the key it stands under."""

    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    span: Span
    key: Span | None = None
    text: str | None = None
    """A scalar as it was written, without quotes."""

    def get(self, *path: Key) -> "Node | None":
        """Return the node at a path below this one, or None."""
        here: Node | None = self
        for key in path:
            here = here._child(key)
            if here is None:
                return None
        return here

    def put(self, path: "tuple[Key, ...]", item: "Node") -> "Node":
        """Return this node with the one at a path replaced or, at the path's last key, added."""
        if not path:
            return item
        first, rest = path[0], path[1:]
        if isinstance(self.value, Mapping) and isinstance(first, str):
            child = self.value[first].put(rest, item) if rest else item
            return replace(self, value={**self.value, first: child})
        if isinstance(self.value, tuple) and isinstance(first, int):
            child = self.value[first].put(rest, item)
            return replace(self, value=(*self.value[:first], child, *self.value[first + 1 :]))
        raise KeyError(first)

    def plain(self) -> object:
        """Return the value as dicts, lists and scalars."""
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        if isinstance(self.value, Mapping):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def _child(self, key: Key) -> "Node | None":
        if isinstance(self.value, Mapping):
            return self.value.get(key) if isinstance(key, str) else None
        if isinstance(self.value, tuple) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None


@dataclass(frozen=True)
class Text:
    """A text with the name that diagnostics give it.

    A text that is the end of a command-line argument has columns of that argument, and no line numbers.
    """

    file: str
    text: str
    argument: str | None = None

    @cached_property
    def lines(self) -> list[str]:
        """The lines as YAML counts them."""
        return _LINE_END.split(self.text)

    def span(self, line: int, column: int) -> Span:
        """Return the place at a line and column counted from 0."""
        if self.argument is not None:
            shift = len(self.argument) - len(self.text) if line == 0 else 0
            return Span(self.file, None, shift + column + 1, self.argument)
        source = self.lines[line] if line < len(self.lines) else ""
        return Span(self.file, line + 1, column + 1, source)

    def span_at(self, index: int) -> Span:
        """Return the place of a character."""
        ends = [match.end() for match in _LINE_END.finditer(self.text, 0, index)]
        return self.span(len(ends), index - (ends[-1] if ends else 0))


def merge(base: Node, over: Node) -> Node:
    """Lay one node over another: mappings merge deeply, anything else replaces. Each value keeps its own place."""
    if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
        return over
    merged = dict(base.value)
    for key, item in over.value.items():
        merged[key] = merge(merged[key], item) if key in merged else item
    return replace(over, value=merged)


def text_error(code: Code, message: str, span: Span, help_: str | None = None) -> CompressError:
    """Make the error that stops the reading of a text."""
    return CompressError(Diagnostic(code, message, help=help_, span=span))
