"""Where the source of a torch factory is, found without importing anything."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from compiler.diagnostic import CompressError, Diagnostic, did_you_mean
from compiler.frontends.codes import FACTORY_SOURCE_MISSING, FACTORY_SPEC_INVALID

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class FactorySpec:
    """A factory by name: `where` is a file ending in .py or a dotted module, `function` a name in it."""

    where: str
    function: str

    @property
    def is_file(self) -> bool:
        """Whether the factory is in a file of its own, not in an importable module."""
        return self.where.endswith(".py")


def parse_spec(spec: str) -> FactorySpec:
    """Split `file.py:function` or `package.module:function`."""
    where, _, function = spec.rpartition(":")
    parsed = FactorySpec(where, function)
    if function.isidentifier() and (parsed.is_file or _MODULE.fullmatch(where)):
        return parsed
    raise CompressError(
        Diagnostic(
            FACTORY_SPEC_INVALID,
            f"'{spec}' names no factory",
            help="write file.py:function, or package.module:function",
        )
    )


def factory_source(spec: str, folder: Path) -> Path:
    """Return the factory's source file; a file is relative to `folder`, a module is looked for on sys.path."""
    parsed = parse_spec(spec)
    return _file_source(parsed.where, folder) if parsed.is_file else _module_source(parsed.where)


def _file_source(where: str, folder: Path) -> Path:
    source = Path(os.path.normpath(folder / where))
    if source.is_file():
        return source
    beside = [path.name for path in source.parent.glob("*.py")]
    raise CompressError(
        Diagnostic(
            FACTORY_SOURCE_MISSING,
            f"there is no file {where}",
            help=did_you_mean(source.name, beside) or "give the path relative to the folder of the recipe",
        )
    )


def _module_source(where: str) -> Path:
    parts = where.split(".")
    for entry in sys.path:
        stem = Path(entry or ".").joinpath(*parts)
        for source in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if source.is_file():
                return source
    raise CompressError(
        Diagnostic(
            FACTORY_SOURCE_MISSING,
            f"there is no module {where} on the Python path",
            help="install the package, or name the file instead: file.py:function",
        )
    )
