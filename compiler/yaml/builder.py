"""From PyYAML's events to nodes: bounded in depth and size, each node with its place."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import yaml

from compiler.codes.recipe import BARE_WORD_KEY, DUPLICATE_KEY, TOO_LARGE, YAML_SYNTAX, YAML_UNSUPPORTED
from compiler.diagnostic import Code, CompressError, Span
from compiler.yaml.node import Node, Scalar, Text, text_error

MAX_DEPTH = 64
MAX_NODES = 200_000
_TAG = "tag:yaml.org,2002:"
# YAML 1.1 reads 1e-3 as a text for want of a dot; nobody who writes it means that.
_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
_MAX_INTEGER = 2**63
_HELP = {
    "cannot start any token": "indent with spaces, and quote a text that starts with a special character",
    "mapping values are not allowed": 'quote a text that holds ": ", and put each key on its own line',
    "did not find expected": "check the indentation, and that each bracket and quote is closed",
    "unexpected end of stream": "close the quote or bracket",
    "undefined alias": "define the anchor with &name above this line",
}


def build_node(source: Text) -> Node:
    """Parse one document into a node."""
    loader_type: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = loader_type(source.text)
    try:
        return _Builder(loader, source).document()
    except yaml.MarkedYAMLError as fault:
        raise _explain(fault, source) from fault
    except yaml.YAMLError as fault:
        raise text_error(YAML_SYNTAX, "not well-formed YAML", Span(source.file)) from fault
    finally:
        loader.dispose()


def _height(node: Node) -> int:
    """Count the levels below a node."""
    below = node.value.values() if isinstance(node.value, Mapping) else node.value
    return max((_height(item) + 1 for item in below), default=0) if not isinstance(below, Scalar) else 0


def _read_bool(word: str) -> bool:
    known = yaml.SafeLoader.bool_values
    if word.lower() not in known:
        raise ValueError(word)
    return known[word.lower()]


def _explain(fault: yaml.MarkedYAMLError, source: Text) -> CompressError:
    """Turn the parser's complaint into a diagnostic; one about the end of the text points at its last line."""
    mark = fault.problem_mark or fault.context_mark
    last = len(source.text.rstrip())
    span = source.span(mark.line, mark.column) if mark is not None else source.span_at(last)
    if mark is not None and not "".join(source.lines[mark.line :]).strip():
        span = source.span_at(last)
    problem = " ".join((fault.problem or "not well-formed").split())
    if span.source is not None and span.source[(span.column or 1) - 1 :].startswith("\t"):
        return text_error(YAML_SYNTAX, "a tab stands where only spaces may", span, "indent with spaces")
    help_ = next((text for sign, text in _HELP.items() if sign in problem), None)
    return text_error(YAML_SYNTAX, problem, span, help_)


class _Builder:
    """Reads events one by one. Depth is bounded, so its own recursion is."""

    def __init__(self, loader: Any, source: Text) -> None:
        self._loader = loader
        self._source = source
        self._count = 0
        self._anchors: dict[str, tuple[Node, int, int] | None] = {}

    def document(self) -> Node:
        """Read the only document; a blank text is None with an empty text."""
        self._loader.get_event()
        if self._loader.check_event(yaml.StreamEndEvent):
            return Node(None, self._source.span(0, 0), text="")
        self._loader.get_event()
        root = self._node(0)
        self._loader.get_event()
        if not self._loader.check_event(yaml.StreamEndEvent):
            self._refuse(YAML_UNSUPPORTED, "a second document starts here", self._loader.get_event(), "keep one")
        return root

    def _node(self, depth: int) -> Node:
        event = self._loader.get_event()
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._grow(1, depth, event)
        before = self._count
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, depth)
        else:
            node = self._scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._count - before + 1, _height(node))
        return node

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self._anchors:
            self._refuse(YAML_SYNTAX, f"found undefined alias *{event.anchor}", event, _HELP["undefined alias"])
        known = self._anchors[event.anchor]
        if known is None:
            self._refuse(YAML_UNSUPPORTED, f"alias *{event.anchor} stands inside its own value", event)
        node, size, height = known
        self._grow(size, depth + height, event)
        return node

    def _sequence(self, event: Any, depth: int) -> Node:
        self._check_tag(event, "seq")
        items: list[Node] = []
        while not self._loader.check_event(yaml.SequenceEndEvent):
            items.append(self._node(depth + 1))
        self._loader.get_event()
        return Node(tuple(items), self._at(event))

    def _mapping(self, event: Any, depth: int) -> Node:
        self._check_tag(event, "map")
        items: dict[str, Node] = {}
        while not self._loader.check_event(yaml.MappingEndEvent):
            key = self._loader.get_event()
            name = self._key(key)
            if name in items:
                self._refuse_double(name, items[name], key)
            items[name] = replace(self._node(depth + 1), key=self._at(key))
        self._loader.get_event()
        return Node(items, self._at(event))

    def _key(self, event: Any) -> str:
        """Return a key's text. Numbers stay as written, for tensors are often called 0 or 12."""
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(YAML_UNSUPPORTED, "a key must be a plain text", event, "put a text before the colon")
        tag = self._tag(event)
        if tag == "merge":
            self._refuse(YAML_UNSUPPORTED, "merge keys `<<` are not read", event, "use `extends`, or repeat the keys")
        if tag in {"bool", "null"}:
            word = event.value or "nothing"
            self._refuse(BARE_WORD_KEY, f"{word} is not a text, as a key must be", event, f'write "{event.value}"')
        return event.value

    def _refuse_double(self, name: str, first: Node, key: Any) -> NoReturn:
        where = "" if first.key is None or first.key.line is None else f" on line {first.key.line}"
        self._refuse(DUPLICATE_KEY, f"`{name}` already stands{where}", key, "delete one of the two")

    def _scalar(self, event: Any) -> Node:
        try:
            value = self._read(event)
        except ValueError:
            self._refuse(
                YAML_SYNTAX, f"{event.value[:40]!r} is not a value of its kind", event, "quote it to mean a text"
            )
        if isinstance(value, int) and abs(value) > _MAX_INTEGER:
            self._refuse(TOO_LARGE, "the number is larger than 64 bits", event)
        if isinstance(value, float) and not math.isfinite(value):
            self._refuse(YAML_UNSUPPORTED, f"{event.value[:40]} is not a finite number", event)
        if isinstance(value, str) and "\0" in value:
            self._refuse(YAML_SYNTAX, "a text cannot hold the character U+0000", event)
        return Node(value, self._at(event), text=event.value)

    def _read(self, event: Any) -> Scalar:
        tag, text = self._tag(event), event.value
        plain = yaml.ScalarNode(_TAG + tag, text)
        if tag == "null":
            return None
        if tag != "str" and not text:
            raise ValueError
        if tag == "bool":
            return _read_bool(text)
        # Base 60 (12:30 is 750) and dates are surprises that recipes have no use for.
        if tag == "int" and ":" not in text:
            return int(self._loader.construct_yaml_int(plain))
        if tag == "float" and ":" not in text:
            return float(self._loader.construct_yaml_float(plain))
        return float(text) if event.implicit[0] and _EXPONENT.fullmatch(text) else text

    def _tag(self, event: Any) -> str:
        """Return the short name of a scalar's tag: the one it carries, or the one its spelling implies."""
        tag = event.tag
        if tag is None or tag == "!":
            return self._loader.resolve(yaml.ScalarNode, event.value, event.implicit).removeprefix(_TAG)
        short = tag.removeprefix(_TAG)
        if short == tag or short not in {"str", "int", "float", "bool", "null"}:
            self._refuse(YAML_UNSUPPORTED, f"tag {tag} is not read", event, "write the value without a tag")
        return short

    def _check_tag(self, event: Any, plain: str) -> None:
        if event.tag not in {None, "!", _TAG + plain}:
            self._refuse(YAML_UNSUPPORTED, f"tag {event.tag} is not read", event, "write the value without a tag")

    def _grow(self, by: int, depth: int, event: Any) -> None:
        """Count nodes and levels as if aliases were written out: a few lines of them can stand for billions."""
        if depth > MAX_DEPTH:
            self._refuse(TOO_LARGE, f"values are nested deeper than {MAX_DEPTH} levels", event)
        self._count += by
        if self._count > MAX_NODES:
            self._refuse(TOO_LARGE, f"the file holds more than {MAX_NODES} values, aliases counted in full", event)

    def _at(self, event: Any) -> Span:
        return self._source.span(event.start_mark.line, event.start_mark.column)

    def _refuse(self, code: Code, message: str, event: Any, help_: str | None = None) -> NoReturn:
        raise text_error(code, message, self._at(event), help_)
