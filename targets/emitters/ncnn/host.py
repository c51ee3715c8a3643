"""Run a kit for ncnn on this machine, in a process of its own: a network that crashes the runtime ends only that."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compiler.artifact import Manifest
from compiler.codes.conversion import CONVERSION_DIFFERS, CONVERSION_REFUSED
from compiler.diagnostic import Diagnostic

_LEFT_OVER = re.compile(r"layer ([\w.:]+) not exists or registered")
_MOST_SECONDS = 600


@dataclass(frozen=True)
class Ran:
    """How a kit's self-test ended."""

    worst: float
    """The largest difference of any output, as a share of its range."""
    findings: tuple[Diagnostic, ...]


def run_kit(folder: Path, manifest: Manifest) -> Ran:
    """Run the self-test of a kit that this compiler wrote, and judge it."""
    line = [sys.executable, "-P", str(folder / "infer.py"), "--runs", "1", "--warm-up", "1"]
    try:
        done = subprocess.run(
            line, capture_output=True, text=True, errors="replace", timeout=_MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return _stopped(f"ncnn was still busy with one image after {_MOST_SECONDS} s")
    if left := sorted(set(_LEFT_OVER.findall(done.stderr))):
        return _stopped(f"pnnx left over what ncnn has no layer for: {', '.join(left)}")
    if done.returncode < 0:
        return _stopped(f"ncnn crashed on the converted network (signal {-done.returncode})")
    try:
        document = cast("dict[str, Any]", json.loads(done.stdout))
    except ValueError:
        return _stopped("the self-test printed no JSON document")
    if document["problem"] is not None:
        return _stopped(str(document["problem"]))
    findings = tuple(_differences(document["outputs"], manifest))
    worst = 0.0 if findings else max((item["difference"] for item in document["outputs"]), default=0.0)
    return Ran(worst, findings)


def _differences(outputs: list[dict[str, Any]], manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield each output that is off."""
    limit = manifest.tolerance[manifest.precision]
    for item in outputs:
        if not item["passes"]:
            gap = item["difference"]
            shown = "beyond measure" if gap is None else f"by {gap:.3g} of its range"
            said = f"in ncnn, output {item['name']!a} is off {shown}; {limit:.3g} is allowed"
            yield Diagnostic(CONVERSION_DIFFERS, said, "the converter misread the network; `compress explain E042`")


def _stopped(message: str) -> Ran:
    advice = "write the layer with operators that `compress targets` lists for the board, or end the network before it"
    return Ran(float("inf"), (Diagnostic(CONVERSION_REFUSED, message, advice),))
