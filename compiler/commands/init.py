"""`compress init`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from compiler.codes.lint import REFUSES_OVERWRITE, UNWRITABLE_PATH
from compiler.commands.output import FINE, say, show_findings, status_of_failure
from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Program
from compiler.recipe.shapes import safe_product
from compiler.registry import load_named_target
from compiler.rewrites.channels_first import images_with_channels_last

_TEMPLATE = """\
# What to compress, for which board, by which steps. `compress schema` gives editors completion for this file.
version: 1
product: {product}

model:
  onnx: {model}
  inputs: {{{inputs}}}{layout}

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

_CHANNELS_LAST = "\n  input_layout: nhwc  # as the model has it; the artifact takes images with the channels first"


def init_command(model: Path, shapes: Mapping[str, tuple[int, ...]], target: str, out: Path) -> int:
    """Write a recipe for a model, never over a file, and return the exit status."""
    try:
        board = load_named_target(target)
        program = load_onnx(model, shapes).program
        half = "  # Half precision, in the way that the board wants it.\n  - fp16\n" if board.supports("fp16") else ""
        _write(out, _recipe(program, model, out, target, half))
    except CompressError as error:
        show_findings(error.diagnostics, "text")
        return status_of_failure(error.diagnostics)
    say(f"wrote {out}; next: compress lint {out}")
    return FINE


def _write(out: Path, text: str) -> None:
    """Write a file that is not there yet. Raises CompressError."""
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        fault = Diagnostic(REFUSES_OVERWRITE, f"{out} exists already", "choose another name with --out", Span(str(out)))
        raise CompressError(fault) from error
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise CompressError(
            Diagnostic(UNWRITABLE_PATH, f"cannot write {out}: {why}", "name another place with --out", Span(str(out)))
        ) from error


def _recipe(program: Program, model: Path, out: Path, target: str, half: str) -> str:
    """Fill in the template."""
    shapes: dict[str, list[int]] = {name: list(program.shape(name) or ()) for name in program.inputs}
    first = [*shapes.values(), []][0]
    is_last = len(shapes) == 1 and len(images_with_channels_last(program)) == 1 and first[1] not in (1, 3)
    size = first[1:3] if is_last else first[2:4]
    path = Path(os.path.relpath(model.resolve(), out.resolve().parent)).as_posix()
    return _TEMPLATE.format(
        product=_product(model.stem),
        model=_quoted(path),
        inputs=", ".join(f"{_quoted(name)}: {shape}" for name, shape in shapes.items()),
        layout=_CHANNELS_LAST if is_last else "",
        size=", ".join(map(str, size)) if len(first) == 4 else "640, 640",
        target=target,
        half=half,
    )


def _product(stem: str) -> str:
    """Make a product's name of a file's: letters and digits, joined by hyphens."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", stem)[:60].strip("-").lower()
    try:
        return safe_product(name)
    except ValueError:
        return f"product-{name}".strip("-")


def _quoted(text: str) -> str:
    """Quote a text for YAML, so that any name of a tensor or a file comes back as it was."""
    signs = (f"\\{sign}" if sign in '"\\' else sign if sign.isprintable() else _escape(sign) for sign in text)
    return f'"{"".join(signs)}"'


def _escape(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
