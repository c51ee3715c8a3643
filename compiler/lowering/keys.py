"""Injective names: ONNX allows any text as a tensor's name, torch a dotted path of identifiers."""

import re
from functools import cache

from torch import fx, nn

_UNSAFE = re.compile(r"[^A-Za-z0-9_]|_(?=x)")


def weight_key(tensor: str) -> str:
    """Name the parameter of a tensor.

    Names that torch wrote, such as layer1.0.conv1.weight, stay as they are, so that checkpoints fit. Any other
    character is spelt _xHH_ with its number in base 16; names that torch would confuse become one plain word.
    """
    parts = tensor.split(".")
    if all(part and part not in _reserved() for part in parts):
        return ".".join(map(_escaped, parts))
    return plain_key("tensor", tensor)


def plain_key(kind: str, *names: str) -> str:
    """Join names into one identifier that no other names give; `kind` keeps it apart from other kinds."""
    return "_x_".join((kind, *map(_escaped, names)))


def _escaped(name: str) -> str:
    """Spell every character that is no letter, digit or underscore by its number."""
    return _UNSAFE.sub(lambda found: f"_x{ord(found.group()):x}_", name)


@cache
def _reserved() -> frozenset[str]:
    """List what a module is made of already, and where the constants lie."""
    module = fx.GraphModule(nn.Module(), fx.Graph())
    return frozenset({*dir(module), *module.__dict__, "constants", "layers"})
