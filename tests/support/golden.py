"""Golden files of passes: a program before and after, in ONNX text, and what was left alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from compiler.diagnostic import Diagnostic
from compiler.ir import Program, dump, parse_program
from tests.support.steps import Applied, apply, usual_target

_BECOMES = "# becomes"
_ON = "# on "


@dataclass(frozen=True)
class Golden:
    """One golden file: the first line names the pass and its options, `# on host` a target other than usual."""

    given: str
    expected: str
    pass_name: str
    options: dict[str, Any]
    on: str

    def program(self) -> Program:
        """Parse the program that the pass is given."""
        return parse_program(self.given)

    def run(self) -> tuple[str, Applied]:
        """Apply the pass, and render the whole file as it should be."""
        program = self.program()
        applied = apply(self.pass_name, program, self.options, on=self.on)
        return f"{self.given}{_BECOMES}\n{_result(program, applied)}", applied


def read_golden(path: Path) -> Golden:
    """Read a golden file; one that has no expectation yet expects nothing."""
    text = path.read_text("utf-8")
    given, marker, expected = text.partition(f"{_BECOMES}\n")
    if not marker:
        given = given.rstrip("\n") + "\n"
    title, *lines = given.splitlines()
    name, _, options = title.removeprefix("# ").partition(" ")
    on = next((line.removeprefix(_ON) for line in lines if line.startswith(_ON)), usual_target(name))
    parsed: Any = yaml.safe_load(options) if options else {}
    return Golden(given, f"{given}{_BECOMES}\n{expected}", name, cast(dict[str, Any], parsed), on)


def _result(before: Program, applied: Applied) -> str:
    """Render what came out: the graph, a lower opset, notes for the board, skips and findings."""
    after = applied.program
    lines = [dump(after).strip()]
    if after.opset != before.opset:
        lines.append(f"# opset {after.opset}")
    lines += [f"# note {key}: {value}" for key, value in sorted(after.metadata.items())]
    lines += [f"# skipped {skip.layer}: {skip.why}" for skip in applied.log.skipped]
    lines += [_finding(item) for item in (*applied.refusals, *applied.log.forecasts, *applied.log.findings)]
    return "\n".join(line.rstrip() for line in "\n".join(lines).splitlines()) + "\n"


def _finding(item: Diagnostic) -> str:
    return f"# {item.severity}[{item.code.id}]: {item.message}" + (f"; {item.help}" if item.help else "")
