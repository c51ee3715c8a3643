"""Checks YAML nodes against a pydantic model; each fault becomes a diagnostic at its own line."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from compiler.codes.recipe import BAD_VALUE, MISSING_KEY, MODEL_SOURCE, PRODUCT_NAME, UNKNOWN_KEY, WRONG_TYPE
from compiler.diagnostic import CompressError, Diagnostic, Span, did_you_mean
from compiler.recipe.phrases import TAKES, found, limit, literals, name_of, takes, type_help
from compiler.yaml.node import Key, Node

ModelT = TypeVar("ModelT", bound=BaseModel)

_CUSTOM = {code.slug: code for code in (BAD_VALUE, MODEL_SOURCE, PRODUCT_NAME, WRONG_TYPE)}


def read_model(kind: type[ModelT], root: Node, path: tuple[Key, ...] = ()) -> ModelT:
    """Read the node at a path as a model, strictly: a text is no number, a boolean is no number.

    Raises CompressError with one diagnostic per fault, in the order of the file.
    """
    node = root.get(*path)
    plain = None if node is None else node.plain()
    try:
        # Through JSON, because pydantic's strict mode then still takes a list for a tuple and a text for a path.
        return kind.model_validate_json(json.dumps({} if plain is None and path else plain), strict=True)
    except ValidationError as fault:
        raise CompressError(*_explain_all(fault, kind, root, path)) from fault


def known_keys(kind: Any, path: Sequence[object]) -> tuple[str, ...]:
    """Return the keys that a model takes at a path below it; none where any key goes, or none."""
    here = {kind}
    for key in path:
        here = {below for at in here for below in _below(at, key)}
    names = (name for model in here for name in _fields(model))
    return tuple(dict.fromkeys(names))


@dataclass
class _Place:
    """What is wrong with one value; a value that may be of several types has a fault for each."""

    node: Node
    name: str
    wanted: list[str] = field(default_factory=list[str])
    has_type_fault: bool = False


def _explain_all(fault: ValidationError, kind: type[BaseModel], root: Node, path: tuple[Key, ...]) -> list[Diagnostic]:
    found_here: list[Diagnostic] = []
    places: dict[tuple[Key, ...], _Place] = {}
    for error in fault.errors(include_url=False):
        full = (*path, *error["loc"])
        known = _known_part(root, full)
        node = root.get(*known) or root
        if error["type"] in TAKES or error["type"] in {"literal_error", "enum"}:
            place = places.setdefault(known, _Place(node, name_of(known)))
            place.wanted.append(takes(error))
            place.has_type_fault |= error["type"] in TAKES
        elif error["type"] == "extra_forbidden":
            found_here.append(_explain_unknown(full[-1], node, known_keys(kind, full[len(path) : -1])))
        else:
            found_here.append(_explain(error, node, name_of(known), full))
    found_here += [_explain_type(place) for place in places.values()]
    return sorted(found_here, key=_order)


def _explain_unknown(key: Key, node: Node, keys: tuple[str, ...]) -> Diagnostic:
    help_ = did_you_mean(str(key), keys) or f"keys that go here: {', '.join(keys) or 'none'}"
    return Diagnostic(UNKNOWN_KEY, f"unknown key `{key}`", help_, node.key or node.span)


def _explain(error: Any, node: Node, name: str, full: tuple[Key, ...]) -> Diagnostic:
    context = error.get("ctx", {})
    if error["type"] == "missing" and isinstance(full[-1], str):
        *above, key = full
        parent = f" in {name_of(tuple(above))}" if above else ""
        return Diagnostic(MISSING_KEY, f"`{key}` is missing{parent}", f"add `{key}: ...`", node.key or node.span)
    if error["type"] in _CUSTOM:
        at = node if context["key"] is None else node.get(context["key"])
        return Diagnostic(_CUSTOM[error["type"]], error["msg"], context["help"], _mark(at or node))
    if error["type"] in {"value_error", "assertion_error"}:
        return Diagnostic(BAD_VALUE, f"{name}: {context['error']}", None, _mark(node))
    return Diagnostic(BAD_VALUE, f"{name} is {found(node)}, it must be {limit(error)}", None, node.span)


def _explain_type(place: _Place) -> Diagnostic:
    wanted = " or ".join(dict.fromkeys(place.wanted))
    message = f"{place.name} takes {wanted}, found {found(place.node)}"
    near = did_you_mean(str(place.node.value), literals(wanted)) if isinstance(place.node.value, str) else None
    code = WRONG_TYPE if place.has_type_fault else BAD_VALUE
    return Diagnostic(code, message, near or type_help(place.node, wanted), place.node.span)


def _known_part(root: Node, path: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return the part of pydantic's path that the file has; the rest names a missing key, or an arm of a union."""
    length = 0
    while length < len(path) and root.get(*path[: length + 1]) is not None:
        length += 1
    return path[:length]


def _mark(node: Node) -> Span:
    """Return where a fault of a whole section shows: at its key."""
    return node.span if node.text is not None or node.key is None else node.key


def _order(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span or Span("")
    return span.file, span.line or 0, span.column or 0


def _below(kind: Any, key: object) -> Iterator[Any]:
    """Yield the types that may stand under a key of a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        info = kind.model_fields.get(str(key))
        if info is not None:
            yield info.annotation
        return
    origin, inside = get_origin(kind), get_args(kind)
    if origin is dict:
        yield inside[1]
    elif origin in {tuple, list}:
        yield inside[0]
    else:
        # A union, or Annotated: look through it.
        for arm in inside:
            yield from _below(arm, key)


def _fields(kind: Any) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from kind.model_fields
    elif get_origin(kind) not in {dict, tuple, list}:
        for arm in get_args(kind):
            yield from _fields(arm)
