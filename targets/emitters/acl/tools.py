"""The tools that compile and run a kit's program here: a cross-compiler, an emulator, the library for arm64."""

import shutil
from dataclasses import dataclass
from pathlib import Path

LIBRARY_PACKAGES = ("libarm-compute-dev", "libarm-compute20")
_COMPILER, _EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"
_PACKAGES = {_COMPILER: "g++-aarch64-linux-gnu", _EMULATOR: "qemu-user-static"}
_CROSS_ROOT = Path("/usr/aarch64-linux-gnu")


@dataclass(frozen=True)
class Tools:
    """Where the tools are."""

    compiler: str
    emulator: str
    library: Path
    """The folder that the library's packages were unpacked into."""

    @property
    def headers(self) -> Path:
        """The library's headers."""
        return self.library / "usr" / "include" / "aarch64-linux-gnu"

    @property
    def binaries(self) -> Path:
        """The library itself."""
        return self.library / "usr" / "lib" / "aarch64-linux-gnu"

    @property
    def system(self) -> Path:
        """The C and C++ libraries that came with the cross-compiler."""
        return _CROSS_ROOT


def cache_folder() -> Path:
    """Name the user's folder for the unpacked library and compiled engines."""
    return Path.home() / ".cache" / "compress" / "acl-arm64"


def library_folder() -> Path:
    """Name the folder that the library's packages are unpacked into."""
    return cache_folder() / "root"


def missing_packages() -> dict[str, str]:
    """Map the Debian packages to install for the compiler and the emulator to the programs that are missing."""
    return {package: name for name, package in _PACKAGES.items() if shutil.which(name) is None}


def missing_tools() -> list[str]:
    """Name what is missing, and how to get it."""
    lacking = [f"{name} (Debian package {package})" for package, name in missing_packages().items()]
    if not (library_folder() / "usr" / "include").is_dir():
        lacking.append("Arm Compute Library for arm64 (`python -m targets.emitters.acl.fetch` unpacks Debian's)")
    return lacking


def find_tools() -> Tools | None:
    """Find all tools, or None when one is missing."""
    compiler, emulator = shutil.which(_COMPILER), shutil.which(_EMULATOR)
    if missing_tools() or compiler is None or emulator is None:
        return None
    return Tools(compiler, emulator, library_folder())
