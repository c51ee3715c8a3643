"""`--set PATH=VALUE`: one value of a recipe, laid over it from the command line."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from pydantic import BaseModel

from compiler.codes.recipe import BAD_SET
from compiler.diagnostic import Span, did_you_mean
from compiler.recipe.check import known_keys
from compiler.recipe.phrases import found, name_of
from compiler.yaml.node import Key, Node, Text, text_error
from compiler.yaml.spans import parse_yaml

_PART = r'(?:"[^"]*"|[^."=]+)'
_SET = re.compile(rf"({_PART}(?:\.{_PART})*)=(.*)", re.DOTALL)
_FORM = "write PATH=VALUE, such as target=tx2 or passes.0.level-prune.level=0.5"
_PREFIX = "--set "


def is_set(span: Span) -> bool:
    """Tell whether a place is a command-line option rather than a file."""
    return span.file.startswith(_PREFIX) and span.line is None


def apply_set(root: Node, argument: str, number: int, kind: type[BaseModel]) -> Node:
    """Lay one option over a recipe. The n-th option's place is the pseudo-file `--set n`."""
    file = f"{_PREFIX}{number}"
    whole = Text(file, argument, argument=argument)
    match = _SET.fullmatch(argument)
    if match is None:
        raise text_error(BAD_SET, "not of the form PATH=VALUE", whole.span(0, 0), _FORM)
    try:
        argument.encode()
    except UnicodeEncodeError as fault:
        raise text_error(BAD_SET, "not valid text", whole.span(0, fault.start), _FORM) from fault
    item = parse_yaml(Text(file, match[2], argument=argument))
    setting = _Setting(kind, whole.span(0, 0), tuple(part.strip('"') for part in re.findall(_PART, match[1])))
    setting.check_reachable()
    return setting.put(root, replace(item, key=whole.span(0, 0)))


class _Setting:
    """A dotted path on its way down a recipe."""

    def __init__(self, kind: type[BaseModel], span: Span, parts: tuple[str, ...]) -> None:
        self._kind = kind
        self._span = span
        self._parts = parts

    def check_reachable(self) -> None:
        """Refuse what was followed before any option is laid over the recipe."""
        if self._parts[0] == "extends":
            self._refuse("`extends` cannot be set, the recipe is already read", "write it into the recipe")

    def put(self, root: Node, item: Node) -> Node:
        """Return the recipe with the item at this path; mappings on the way are made where absent."""
        path: tuple[Key, ...] = ()
        for part in self._parts:
            here = root.get(*path) or Node({}, self._span)
            if here.value is None or _is_step(path, here, part):
                here = replace(here, value={str(here.value): Node(None, here.span)} if here.value else {}, text=None)
            if path:
                root = root.put(path, here)
            path = (*path, self._key(here, path, part))
        return root.put(path, item)

    def _key(self, here: Node, path: tuple[Key, ...], part: str) -> Key:
        """Return the key or index that a part means here."""
        if isinstance(here.value, tuple):
            if part.isdecimal() and len(part) < 9 and int(part) < len(here.value):
                return int(part)
            self._refuse(f"{name_of(path)} has {len(here.value)} entries, {part} is not one of them", "count from 0")
        if not isinstance(here.value, Mapping):
            self._refuse(f"{name_of(path)} is {found(here)}, `{part}` cannot go under it", None)
        if _is_place_of_step(path):
            known, known_help = tuple(here.value), f"step {path[-1]} is {', '.join(here.value)}"
        else:
            known = known_keys(self._kind, path)
            known_help = f"keys that go here: {', '.join(known)}"
        if known and part not in known:
            self._refuse(f"{name_of(path)} takes no key `{part}`", did_you_mean(part, known) or known_help)
        return part

    def _refuse(self, message: str, help_: str | None) -> NoReturn:
        raise text_error(BAD_SET, message, self._span, help_)


def _is_place_of_step(path: tuple[Key, ...]) -> bool:
    return len(path) == 2 and path[0] == "passes"


def _is_step(path: tuple[Key, ...], here: Node, part: str) -> bool:
    """Tell whether this is a pass that stands as a bare name, about to get its first option."""
    return _is_place_of_step(path) and here.value == part
