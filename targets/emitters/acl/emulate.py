"""Compiles a kit's program for aarch64 and runs it under emulation, on the processor of the board."""

import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from targets.emitters.acl.tools import Tools, cache_folder

_FLAGS = ("-std=c++11", "-Wall", "-Wextra", "-Werror")
_ENGINE, _NETWORK = ("-O1",), ("-O0",)
"""The network is a list of calls that run once: there is nothing to optimise, and it takes five times as long."""
_PATIENCE_SECONDS = 1800


class EmulationError(RuntimeError):
    """A program could not be compiled or run; the text is the tool's."""


def compile_program(net: Path, runtime: Path, tools: Tools, program: Path) -> None:
    """Compile a generated network, with an engine that is compiled once for all. Raises EmulationError."""
    parts = [_engine_part(runtime, name, tools) for name in ("main", "neon")]
    own = program.with_suffix(".o")
    _tool([tools.compiler, *_FLAGS, *_NETWORK, "-I", str(runtime.parent), "-c", str(net), "-o", str(own)])
    libraries = ["-larm_compute", "-larm_compute_core", "-lpthread", "-ldl", "-Wl,--allow-shlib-undefined"]
    objects = [str(own), *(str(part) for part in parts)]
    _tool([tools.compiler, "-o", str(program), *objects, f"-L{tools.binaries}", *libraries])


def compile_opencl(runtime: Path, tools: Tools) -> Path:
    """Compile the OpenCL half of the engine, which nothing here can run. Raises EmulationError."""
    return _engine_part(runtime, "opencl", tools)


def run_program(
    program: Path, kit: Path, tools: Tools, arguments: Sequence[str] = (), *, precision: str = "fp32"
) -> dict[str, Any]:
    """Run a program's self-test once, and return what it says. Raises EmulationError."""
    paths = f"{tools.binaries}:{tools.system}/lib"
    command = [tools.emulator, "-cpu", "cortex-a72", "-L", str(tools.system), "-E", f"LD_LIBRARY_PATH={paths}"]
    options = ["--kit", str(kit), "--backend", "neon", "--precision", precision, "--runs", "1", "--warm-up", "0"]
    done = _run([*command, str(program), *options, "--threads", "2", *arguments])
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise EmulationError(f"the program ended with status {done.returncode}: {_tail(done.stderr)}") from error


def _engine_part(runtime: Path, name: str, tools: Tools) -> Path:
    """Compile a file of the engine, unless the same sources were compiled before."""
    files = sorted(path for path in runtime.iterdir() if path.is_file())
    texts = [*(path.read_bytes() for path in files), " ".join((tools.compiler, *_FLAGS, *_ENGINE)).encode()]
    key = hashlib.sha256(b"\0".join(texts)).hexdigest()[:32]
    made = cache_folder() / "objects" / f"{name}-{key}.o"
    if made.is_file():
        return made
    made.parent.mkdir(parents=True, exist_ok=True)
    draft = made.with_name(f"{secrets.token_hex(8)}.o")
    try:
        flags = [*_FLAGS, *_ENGINE, "-isystem", str(tools.headers)]
        _tool([tools.compiler, *flags, "-c", str(runtime / f"{name}.cpp"), "-o", str(draft)])
        draft.replace(made)
    finally:
        draft.unlink(missing_ok=True)
    return made


def _tool(command: list[str]) -> None:
    done = _run(command)
    if done.returncode != 0:
        raise EmulationError(f"{Path(command[0]).name} failed: {_tail(done.stderr)}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command with plain messages and a limit on its time."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EmulationError(f"{Path(command[0]).name} took more than {_PATIENCE_SECONDS} seconds") from error


def _tail(text: str) -> str:
    lines = text.strip().splitlines()
    return " / ".join(lines[-3:]) if lines else "it said nothing"
