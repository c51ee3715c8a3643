"""Installed plugin packages and the files in them, found without importing any of them."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from compiler.codes.recipe import PLUGIN_BROKEN, PLUGIN_CLASH
from compiler.diagnostic import CompressError, Diagnostic

PASSES = "compress.passes"
TARGETS = "compress.targets"


@dataclass(frozen=True)
class Package:
    """A plugin package: its importable name, its folder, and who installed it."""

    module: str
    folder: Path
    owner: str

    def files(self, subfolder: str, pattern: str) -> Iterator[Path]:
        """Yield the public files of a folder of the package, by name."""
        folder = self.folder / subfolder
        if folder.is_dir():
            yield from _files(folder, pattern, folder.stat().st_mtime_ns)


@dataclass(frozen=True)
class Plugin:
    """A named file of a package; `module` is its importable name, empty for data."""

    name: str
    file: Path
    owner: str
    module: str = ""


def packages(group: str) -> tuple[Package, ...]:
    """Return the packages that name themselves in a group of entry points. None of them is imported."""
    return _packages(group, tuple(sys.path))


@cache
def _packages(group: str, _path: tuple[str, ...]) -> tuple[Package, ...]:
    """Look the installed distributions through, once for each search path: it takes milliseconds."""
    found: dict[Path, Package] = {}
    for entry in sorted(entry_points(group=group), key=_order):
        owner = f"{entry.dist.name} ({entry.value})" if entry.dist is not None else entry.value
        folder = _folder(entry.value, owner)
        found.setdefault(folder, Package(entry.value, folder, owner))
    return tuple(found.values())


@cache
def _files(folder: Path, pattern: str, _changed: int) -> tuple[Path, ...]:
    """List files once for each state of their folder: a recipe asks for dozens of passes by name."""
    found = sorted(folder.glob(pattern))
    return tuple(file for file in found if not file.name.startswith((".", "_")) and file.is_file())


def index(plugins: Iterable[Plugin], kind: str) -> Mapping[str, Plugin]:
    """Return plugins by name, sorted. Raises CompressError where two packages own one name."""
    found: dict[str, Plugin] = {}
    clashes: list[Diagnostic] = []
    for plugin in plugins:
        first = found.setdefault(plugin.name, plugin)
        if first is not plugin:
            message = f"the {kind} `{plugin.name}` is offered by {first.owner} and by {plugin.owner}"
            clashes.append(Diagnostic(PLUGIN_CLASH, message, "uninstall one of the two packages"))
    if clashes:
        raise CompressError(*clashes)
    return dict(sorted(found.items()))


def modules(group: str, subfolder: str = "") -> Iterator[Plugin]:
    """Yield each public module of a folder of each package; level_prune.py is named level-prune."""
    for package in packages(group):
        for file in package.files(subfolder, "*.py"):
            module = ".".join(part for part in (package.module, subfolder, file.stem) if part)
            yield Plugin(file.stem.replace("_", "-"), file, package.owner, module)


def data_files(group: str, subfolder: str) -> Iterator[Plugin]:
    """Yield each YAML file of a folder of each package."""
    for package in packages(group):
        for file in package.files(subfolder, "*.yaml"):
            yield Plugin(file.stem, file, package.owner)


def _order(entry: EntryPoint) -> tuple[str, str, str]:
    return ("" if entry.dist is None else entry.dist.name, entry.name, entry.value)


def _folder(module: str, owner: str) -> Path:
    """Find a package's folder by its outermost name, because looking up a dotted name imports the parents."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        spec = None
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    folder = next((place for place in (Path(root, *rest) for root in places) if place.is_dir()), None)
    if folder is None:
        message = f"the plugin package {owner} has no folder of modules"
        raise CompressError(Diagnostic(PLUGIN_BROKEN, message, "reinstall or remove the package"))
    return folder
