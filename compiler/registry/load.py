"""Imports one plugin and hands out the class that its file name promises."""

import inspect
from importlib import import_module
from typing import Any

from compiler.codes.recipe import PLUGIN_BROKEN
from compiler.diagnostic import CompressError, Diagnostic
from compiler.registry.packages import Plugin


def camel(name: str) -> str:
    """Return the class's name for a file's: level_prune and level-prune are LevelPrune."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


# The base may be abstract, which type checkers refuse where a plain `type[ClassT]` stands.
def load_class(plugin: Plugin, name: str, base: Any) -> type[Any]:
    """Import a plugin and return its class. Raises CompressError that names the plugin and its owner."""
    try:
        module = import_module(plugin.module)
    except (Exception, SystemExit) as fault:
        reason = " ".join(f"{type(fault).__name__}: {fault}".split())
        raise _broken(plugin, f"fails to import: {reason}") from fault
    found: object = getattr(module, name, None)
    if not isinstance(found, type):
        raise _broken(plugin, f"has no class {name}")
    if not issubclass(found, base):
        raise _broken(plugin, f"holds {name}, which is not a subclass of {base.__name__}")
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(map(str, getattr(found, "__abstractmethods__", ()))))
        raise _broken(plugin, f"holds {name}, which does not define {lacking}")
    return found


def _broken(plugin: Plugin, fault: str) -> CompressError:
    message = f"plugin `{plugin.name}` of {plugin.owner}: {plugin.module} {fault}"
    return CompressError(Diagnostic(PLUGIN_BROKEN, message, "repair or remove the package"))
