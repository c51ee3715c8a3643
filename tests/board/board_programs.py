"""Makes kits of networks and runs their programs on the emulated board."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.analysis.cost import PRECISION_KEY
from compiler.check import check_program
from compiler.contracts import Emission
from compiler.diagnostic import Diagnostic, Severity
from compiler.ir import Array, Program, settle
from compiler.plan import CLEAN_UPS, FITTINGS
from compiler.registry import rules
from targets.emitters.acl import AclEmitter
from targets.emitters.acl.emulate import compile_program, run_program
from targets.emitters.acl.tools import Tools
from tests.support.running import feeds_for, outputs_of
from tests.support.steps import apply, target

BOARD = "rk3399"


@dataclass(frozen=True)
class Ran:
    """What a program said, and the difference of each output by name."""

    said: Mapping[str, Any]
    differences: Mapping[str, float | None]


def fitted(program: Program, on: str = BOARD) -> Program:
    """Bring a network into the form that the board gets."""
    for name in (*CLEAN_UPS, *FITTINGS, "remove-identity", "remove-dead-code"):
        program = apply(name, program, on=on).program
    assert not settle(program)
    return program


def refusals(program: Program, on: str = BOARD) -> list[Diagnostic]:
    """List what lint says against a network on the board."""
    return [item for item in check_program(program, target(on), rules()) if item.severity is Severity.ERROR]


def emit(program: Program, folder: Path, feeds: Mapping[str, Array] | None = None) -> None:
    """Write a network's kit, with a self-test from ONNX Runtime."""
    inputs = feeds_for(program) if feeds is None else dict(feeds)
    folder.mkdir()
    AclEmitter().emit(Emission("test", program, target(BOARD), {}, inputs, outputs_of(program, inputs), {}), folder)


def run(program: Program, folder: Path, tools: Tools, feeds: Mapping[str, Array] | None = None) -> Ran:
    """Write, compile and run."""
    emit(program, folder, feeds)
    binary = folder.with_name(f"{folder.name}.net")
    compile_program(folder / "net.cpp", folder / "runtime", tools, binary)
    said = run_program(binary, folder, tools, precision=program.metadata.get(PRECISION_KEY, "fp32"))
    assert said["problem"] is None, said["problem"]
    outputs: list[dict[str, Any]] = said["outputs"]
    return Ran(said, {program.outputs[item["index"]]: item["difference"] for item in outputs})
