"""Tells whether a factory's network depends on nothing but its own source: only then may an export be kept."""

import ast
from collections.abc import Iterator
from pathlib import Path

_KNOWN = frozenset(
    ("__future__", "abc", "collections", "dataclasses", "enum", "functools", "itertools", "math", "numpy", "torch")
) | {"typing", "typing_extensions", "warnings"}
"""Packages that reach for nothing outside by being imported; the versions of those that are not Python's are known."""
_REACHING = ("load", "open", "file", "read", "hub", "environ", "getenv", "cuda", "backend", "device", "path", "socket")
"""Parts of names by which torch and numpy reach for files, the network, or the machine at hand."""
_DYNAMIC = frozenset(
    ("getattr", "eval", "exec", "compile", "globals", "locals", "vars", "input", "breakpoint", "ops", "classes")
) | {"os", "sys", "ctypes", "memmap", "genfromtxt", "DataSource"}
"""Names that hide other names, or reach outside by another word."""
_PLAIN_DUNDERS = frozenset(("__init__", "__call__", "__all__", "__name__", "__post_init__"))


def closed_files(source: Path) -> tuple[Path, ...] | None:
    """List a factory's file and all files of its folder that it imports, directly or not; None when in doubt.

    In doubt means: another package, a relative import, or a name that may reach for a file, a variable of the
    environment or a device. It may err towards doubt, which costs seconds, and never the other way.
    """
    known: dict[Path, None] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in known:
            continue
        known[path] = None
        tree = _parsed(path)
        if tree is None or any(_is_doubtful(name) for name in _names(tree)):
            return None
        for module in _modules(tree):
            neighbour = source.parent / f"{module}.py"
            is_near = neighbour.is_file() and not (source.parent / module).exists()
            if is_near == (module in _KNOWN):
                return None
            waiting += [neighbour] if is_near else []
    return tuple(sorted(known))


def _parsed(path: Path) -> ast.Module | None:
    """Parse a file; None where that fails, since running it will say why."""
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a file uses, those of imports part by part."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    yield from alias.name.split(".")
                if isinstance(node, ast.ImportFrom):
                    yield from (node.module or "").split(".")
            case _:
                pass


def _modules(tree: ast.Module) -> Iterator[str]:
    """Yield the outermost name of every import; a relative import has the name of no module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or ".").partition(".")[0]


def _is_doubtful(name: str) -> bool:
    is_hidden = name.startswith("__") and name not in {*_PLAIN_DUNDERS, "__future__"}
    return is_hidden or name in _DYNAMIC or any(part in name.lower() for part in _REACHING)
