"""From recipe files to one node: `extends` followed, `--set` laid over, paths made absolute."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from compiler.codes.recipe import BAD_VALUE, EXTENDS, UNREADABLE, WRONG_TYPE
from compiler.data.source import PATH_KEYS
from compiler.diagnostic import CompressError, Span
from compiler.recipe.phrases import found
from compiler.recipe.settings import apply_set, is_set
from compiler.yaml.node import Key, Node, merge, text_error
from compiler.yaml.spans import load_yaml

_SOURCES = ("calibration", "train", "validation")
_PATHS: tuple[tuple[Key, ...], ...] = (
    ("model", "onnx"),
    ("model", "checkpoint"),
    *(("data", source, key) for source in _SOURCES for key in PATH_KEYS),
)
_MAY_BE_BLANK: tuple[tuple[Key, ...], ...] = (
    *((section,) for section in ("data", "budget", "passes", "allow", "seed", "target")),
    *(("model", key) for key in ("args", "inputs")),
    ("data", "preprocess"),
    ("data", "augment"),
    *(("data", source, "args") for source in _SOURCES),
)
_PROFILE_SUFFIXES = (".yaml", ".yml")
"""What the path of a profile ends in; a target without it is a name."""
_FACTORIES: tuple[tuple[Key, ...], ...] = (("model", "torch"), *(("data", source, "python") for source in _SOURCES))


def read_files(path: Path, sets: Sequence[str], kind: type[BaseModel]) -> tuple[Node, tuple[Path, ...]]:
    """Return a recipe as one node, and the files that it came from, itself first."""
    layers = _read_chain(path)
    root = layers[-1][1]
    for _, layer in reversed(layers[:-1]):
        root = merge(root, layer)
    for number, argument in enumerate(sets, start=1):
        root = apply_set(root, argument, number, kind)
    return _anchor(_drop_blank(root)), tuple(file for file, _ in layers)


def folder_of(span: Span) -> Path:
    """Return the folder that a relative path counts from: that of its file, or the working one for `--set`."""
    return Path.cwd() if is_set(span) else Path(span.file).parent


def absolute(folder: Path, text: str) -> Path:
    """Return where a path leads. Links on the way are followed, the last name is kept for its suffix."""
    whole = folder / text
    return Path(os.path.realpath(whole.parent)) / whole.name


def _read_chain(path: Path) -> list[tuple[Path, Node]]:
    """Read a recipe and what it extends, one after the other."""
    layers = [(path, load_yaml(path))]
    seen = {os.path.realpath(path)}
    while (link := layers[-1][1].get("extends")) is not None and link.value is not None:
        if not isinstance(link.value, str):
            raise text_error(WRONG_TYPE, f"`extends` takes a path, found {found(link)}", link.span)
        base = Path(os.path.normpath(layers[-1][0].parent / link.value))
        if os.path.realpath(base) in seen:
            chain = " extends ".join(str(file) for file in (*(file for file, _ in layers), base))
            raise text_error(EXTENDS, f"recipes extend each other in a circle: {chain}", link.span, "break the circle")
        layers.append((base, _load_base(base, link)))
        seen.add(os.path.realpath(base))
    return layers


def _load_base(base: Path, link: Node) -> Node:
    try:
        return load_yaml(base)
    except CompressError as fault:
        first = fault.diagnostics[0]
        if first.code is not UNREADABLE:
            raise
        help_ = "the path counts from the folder of this file"
        raise text_error(EXTENDS, f"{base}: {first.message}", link.span, help_) from fault


def _drop_blank(root: Node) -> Node:
    """Leave out what is set to nothing: a section whose every line is commented out, a value to be forgotten."""
    for path in _MAY_BE_BLANK:
        node, parent = root.get(*path), root.get(*path[:-1])
        if node is not None and node.value is None and parent is not None and isinstance(parent.value, Mapping):
            rest = {key: item for key, item in parent.value.items() if key != path[-1]}
            root = root.put(path[:-1], replace(parent, value=rest))
    return root


def _anchor(root: Node) -> Node:
    """Make relative paths absolute; each node's `text` stays as written."""
    for path in _PATHS:
        node = root.get(*path)
        if node is not None and node.value == "":
            raise text_error(BAD_VALUE, f"`{path[-1]}` is empty, it takes a path", node.span)
        if node is not None and isinstance(node.value, str):
            root = root.put(path, replace(node, value=str(absolute(folder_of(node.span), node.value))))
    for path in _FACTORIES:
        node = root.get(*path)
        if node is not None and isinstance(node.value, str):
            module, colon, function = node.value.rpartition(":")
            if module.endswith(".py"):
                place = f"{absolute(folder_of(node.span), module)}{colon}{function}"
                root = root.put(path, replace(node, value=place))
    return _anchor_targets(root)


def _anchor_targets(root: Node) -> Node:
    """Make the path of a profile of the user's own absolute; a target's name stays."""
    given = root.get("target")
    items = 1 if given is None or not isinstance(given.value, tuple) else len(given.value)
    for path in (("target",), *(("target", place) for place in range(items))):
        node = root.get(*path)
        if node is not None and isinstance(node.value, str) and node.value.endswith(_PROFILE_SUFFIXES):
            root = root.put(path, replace(node, value=str(absolute(folder_of(node.span), node.value))))
    return root
