"""`compress init`."""

import json
import os
import re
import sys
from pathlib import Path

from compiler.commands.output import FINE, UNREADABLE, show_findings, status_of_failure
from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Program
from compiler.lint_codes import REFUSES_OVERWRITE
from compiler.registry import load_named_target
from compiler.rendering.safe import visible

_TEMPLATE = """\
# What to compress, for which board, by which steps. `compress schema` gives editors completion for this file.
version: 1
product: {product}

model:
  onnx: {model}
  inputs: {{{inputs}}}

# Images that look like what the network will see. With labels the report can state accuracy.
# data:
#   calibration: {{images: data/calibration, limit: 64}}
#   validation: {{coco: data/validation.json, images: data/validation}}
#   preprocess: {{resize: letterbox, size: [{size}], scale: 0.00392156862745098, layout: rgb}}
# evaluate: {{metric: ap50, decode: yolo, anchors: [[10, 13, 16, 30, 33, 23]]}}

target: {target}

passes:
  # Remove a quarter of every layer's filters, those with the smallest weights. Retrain afterwards.
  - level-prune: {{level: 0.25, criterion: l1}}
{half}
# Limits that make `compress build` fail when they are missed.
# budget: {{latency_ms: 25, parameters: 600_000}}
seed: 0
"""


def init_command(model: Path, target: str, out: Path) -> int:
    """Write a recipe for a model beside which nothing is overwritten, and return the exit status."""
    if out.exists():
        fault = Diagnostic(REFUSES_OVERWRITE, f"{out} exists already", "choose another name with --out", Span(str(out)))
        show_findings([fault], "text")
        return UNREADABLE
    try:
        board = load_named_target(target)
        program = load_onnx(model, {}).program
    except CompressError as error:
        show_findings(error.diagnostics, "text")
        return status_of_failure(error.diagnostics)
    half = "  # Half precision, in the way that the board wants it.\n  - fp16\n" if board.supports("fp16") else ""
    out.write_text(_recipe(program, model, out, target, half), "utf-8")
    sys.stdout.write(f"wrote {out}; next: compress lint {out}\n")
    return FINE


def _recipe(program: Program, model: Path, out: Path, target: str, half: str) -> str:
    """Fill in the template; names go through JSON quoting, which YAML reads."""
    shapes: dict[str, list[int]] = {name: list(program.shape(name) or ()) for name in program.inputs}
    first = [*shapes.values(), []][0]
    return _TEMPLATE.format(
        product=re.sub(r"[^A-Za-z0-9]+", "-", model.stem).strip("-").lower() or "product",
        model=json.dumps(Path(os.path.relpath(model.resolve(), out.resolve().parent)).as_posix()),
        inputs=", ".join(f"{json.dumps(visible(name))}: {shape}" for name, shape in shapes.items()),
        size=", ".join(str(dim) for dim in first[2:4]) if len(first) == 4 else "640, 640",
        target=target,
        half=half,
    )
