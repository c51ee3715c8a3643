"""Find the converter and the runtime, both of them Python packages that a build for ncnn alone needs."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from compiler.codes.conversion import CONVERTER_MISSING
from compiler.diagnostic import Diagnostic

_PACKAGES = ("ncnn", "pnnx")


def missing_packages() -> list[str]:
    """Name the packages that are not installed; nothing is imported."""
    return [name for name in _PACKAGES if find_spec(name) is None]


def missing_findings() -> Iterator[Diagnostic]:
    """Yield what to install."""
    if absent := missing_packages():
        said = f"a kit for ncnn is made with the Python packages ncnn and pnnx; missing: {', '.join(absent)}"
        yield Diagnostic(
            CONVERTER_MISSING, said, 'install them: pip install "compress[ncnn]", or pip install ncnn pnnx'
        )


def converter() -> Path:
    """Find the converter's program; its package is not imported, since it would bring torch along."""
    spec = find_spec("pnnx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("pnnx")


def package_versions() -> dict[str, str]:
    """Tell the versions that make the kit."""
    return {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # put on the path by hand
        return "unknown"
