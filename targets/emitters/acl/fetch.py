"""Fetches Arm Compute Library for arm64 from Debian and unpacks it into the user's cache.

Run with `python -m targets.emitters.acl.fetch`. A private apt root reads the machine's own sources for another
architecture, so the machine itself learns of no foreign packages. With `--install` it also installs the cross-compiler
and the emulator, which are packages of the machine's own architecture, if it runs as root.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from targets.emitters.acl.tools import (
    LIBRARY_PACKAGES,
    cache_folder,
    library_folder,
    missing_packages,
    missing_tools,
)

_CONFIGURATION = """APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "";
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Acquire::Languages "none";
"""


def fetch() -> str | None:
    """Unpack the library's packages if they are not there yet; return what stood in the way, or None."""
    if (library_folder() / "usr" / "include").is_dir():
        return None
    apt, unpacker = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpacker is None:
        return "there is no apt-get here; it takes a machine with Debian 12"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
        return _fetch_into(Path(name), apt, unpacker)


def _fetch_into(root: Path, apt: str, unpacker: str) -> str | None:
    """Download with a private apt root, unpack, and put the result in its place by a rename."""
    for folder in ("state/lists/partial", "cache/archives/partial", "packages", "unpacked"):
        (root / folder).mkdir(parents=True)
    (root / "status").touch()
    configuration = root / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(root=root))
    environment = {**os.environ, "APT_CONFIG": str(configuration)}
    # A source without arm64 packages fails the update but not the others; the download tells whether it mattered.
    subprocess.run([apt, "update", "-qq"], env=environment, capture_output=True, check=False)
    command = [apt, "download", "-qq", *LIBRARY_PACKAGES]
    done = subprocess.run(
        command, env=environment, cwd=root / "packages", capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        return f"apt-get could not download {' and '.join(LIBRARY_PACKAGES)} for arm64: {lines[0]}"
    for package in sorted((root / "packages").glob("*.deb")):
        subprocess.run([unpacker, "-x", str(package), str(root / "unpacked")], check=True)
    if not library_folder().exists():
        (root / "unpacked").rename(library_folder())
    return None


def install() -> None:
    """Install the cross-compiler and the emulator where they are missing and that is allowed."""
    apt, packages = shutil.which("apt-get"), missing_packages()
    if not packages or apt is None or os.geteuid() != 0:
        return
    subprocess.run([apt, "update", "-qq"], capture_output=True, check=False)
    command = [apt, "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(command, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)


def main(arguments: list[str]) -> str | None:
    """Get what can be got, and say what is still missing."""
    if "--install" in arguments:
        install()
    problem = fetch()
    lacking = missing_tools()
    return problem or (f"missing for the RK3399: {'; '.join(lacking)}" if lacking else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
