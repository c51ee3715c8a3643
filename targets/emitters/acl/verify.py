"""Verifies a kit: its program is the one that we would write, and under emulation it computes what the model does."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx

from compiler.analysis.zeros import ZEROS_KEY
from compiler.artifact import MODEL, Manifest
from compiler.codes.artifact import (
    PROGRAM_DIFFERS,
    PROGRAM_NOT_RUN,
    PROGRAM_RAN,
    PROGRAM_STOPPED,
    SELF_TEST_DIFFERS,
)
from compiler.diagnostic import Diagnostic, Span
from compiler.ir import from_model, refresh_types
from targets.emitters._pack import unpacked
from targets.emitters.acl.cpp import write_cpp
from targets.emitters.acl.emulate import EmulationError, compile_program, run_program
from targets.emitters.acl.exact import MOST_BEYOND_A_STEP
from targets.emitters.acl.tools import find_tools, missing_tools
from targets.emitters.acl.translate import refusals, translate

RUNTIME = Path(__file__).parent / "runtime"
_FRAME = (
    r"// [A-Za-z0-9 .,;'+/_-]*",
    r"",
    r'#include "runtime/kit\.hpp"',
    r"namespace kit \{",
    r'const About about = \{"[a-z0-9]+", [0-9.e-]+, [0-9.e-]+, [0-9.e-]+, [0-9]+, [0-9]+\};',
    r"void build_network\(Builder &net\) \{",
    r"\}",
    r"\}  // namespace kit",
)
"""The lines of net.cpp that are no calls."""


def verify_kit(folder: Path, manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield what is wrong with the program, or that it ran, or why it could not."""
    changed = [*_changed(folder)]
    yield from changed
    if changed:
        return
    tools = find_tools()
    if tools is None:
        said = f"the program for {manifest.target} was not run here; missing: {'; '.join(missing_tools())}"
        yield Diagnostic(PROGRAM_NOT_RUN, said, "on Debian 12, `make board-tools` gets them")
        return
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "net"
        try:
            compile_program(folder / "net.cpp", RUNTIME, tools, program)
            said = run_program(program, folder, tools, precision="int8" if manifest.precision == "int8" else "fp32")
        except EmulationError as error:
            yield Diagnostic(PROGRAM_STOPPED, str(error), span=Span(str(folder / "net.cpp")))
            return
    if said.get("problem") is not None:
        yield Diagnostic(PROGRAM_STOPPED, str(said["problem"]), span=Span(str(folder / "net.cpp")))
        return
    judged = _judged_in_steps if manifest.precision == "int8" else _judged
    yield from judged(said["outputs"], manifest)


def _judged_in_steps(outputs: list[dict[str, float | None]], manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield each output of an integer network that is off in too many places, or that all agree."""
    worst, is_fine = 0.0, True
    for spec, item in zip(manifest.outputs, outputs, strict=True):
        share = item["beyond_a_step"]
        if share is None or share > MOST_BEYOND_A_STEP:
            is_fine = False
            shown = "beyond measure" if share is None else f"by more than a step of its integers in {share:.2%}"
            said = f"the program's output {spec.name!a} is off {shown}; {MOST_BEYOND_A_STEP:.0%} is allowed"
            yield Diagnostic(SELF_TEST_DIFFERS, said)
        else:
            worst = max(worst, share)
    if not is_fine:
        return
    where = "on an emulated Cortex-A72, in 8-bit integers with the NEON functions of Arm Compute Library 20.08"
    said = f"the program ran {where}: {worst:.2%} of an output's elements are off by more than a step at most"
    yield Diagnostic(PROGRAM_RAN, said, "run it on the board as well: OpenCL and version 19.05 are not tried here")


def _judged(outputs: list[dict[str, float | None]], manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield each output that is off, or that all agree."""
    tolerance, worst, is_fine = manifest.tolerance["fp32"], 0.0, True
    for spec, item in zip(manifest.outputs, outputs, strict=True):
        gap = item["difference"]
        if gap is None or gap > tolerance:
            is_fine = False
            shown = "beyond measure" if gap is None else f"by {gap:.3g} of its range"
            yield Diagnostic(SELF_TEST_DIFFERS, f"the program's output {spec.name!a} is off {shown}")
        else:
            worst = max(worst, gap)
    if not is_fine:
        return
    where = "on an emulated Cortex-A72, in FP32 with the NEON functions of Arm Compute Library 20.08"
    said = f"the program ran {where}: off by {worst:.2g} of an output's range at most"
    yield Diagnostic(PROGRAM_RAN, said, "run it on the board as well: OpenCL and version 19.05 are not tried here")
    if manifest.precision == "fp16":
        said = "FP16 was not tried: the board computes it on its GPU only, which is not emulated"
        yield Diagnostic(PROGRAM_NOT_RUN, said, "`./run.sh` on the board compares it")


def _changed(folder: Path) -> Iterator[Diagnostic]:
    """Yield where the kit's source text is not what we write for its model."""
    for ours in sorted(RUNTIME.iterdir()):
        theirs = folder / "runtime" / ours.name
        if not theirs.is_file() or theirs.read_bytes() != ours.read_bytes():
            yield _differs(folder, f"runtime/{ours.name}")
    program = unpacked(from_model(onnx.load(folder / MODEL)))
    refresh_types(program)
    if next(refusals(program), None) is not None:
        yield _differs(folder, "net.cpp")
        return
    text = write_cpp(translate(program), is_packing=ZEROS_KEY in program.metadata)
    found = (folder / "net.cpp").read_text("utf-8", "replace").split("\n") if (folder / "net.cpp").is_file() else []
    calls = [line.removeprefix("    ") for line in found if line.startswith("    ")]
    frame = [line for line in found if not line.startswith("    ")]
    is_framed = all(any(re.fullmatch(pattern, line) for pattern in _FRAME) for line in frame)
    if calls != text.calls or not is_framed:
        yield _differs(folder, "net.cpp")


def _differs(folder: Path, name: str) -> Diagnostic:
    said = f"{name} is not what this compiler writes for the kit's model, so the program was not run"
    return Diagnostic(PROGRAM_DIFFERS, said, "build the artifact again", Span(str(folder / name)))
