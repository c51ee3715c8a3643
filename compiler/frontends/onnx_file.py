"""Load an ONNX file into a program: read, check, pin shapes, raise the opset, fold, compare, import."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.shape_inference

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends import onnx_codes as codes
from compiler.frontends.modernise import modernised
from compiler.frontends.onnx_checks import check_graph, check_operators, read_model
from compiler.frontends.pin_inputs import pin_inputs
from compiler.frontends.program_checks import check_channels, check_known, check_sizes
from compiler.ir import Array, Program, from_model, refresh_types, verify


@dataclass(frozen=True)
class Loaded:
    """A program and what the user should know about how it was loaded."""

    program: Program
    findings: tuple[Diagnostic, ...] = ()


def load_onnx(
    path: Path, inputs: Mapping[str, tuple[int, ...]], name: str | None = None, cache: Path | None = None
) -> Loaded:
    """Load a model file with its inputs pinned to the given shapes.

    Reads opset 7 to the newest, weights in initializers, Constant nodes or external files. `name` is what messages
    call the file; `cache` is a folder in which folded models are kept. Raises CompressError; never returns a program
    that the verifier refuses.
    """
    label = name or str(path)
    return load_model(read_model(path, label), inputs, label, cache=cache)


def load_model(
    model: onnx.ModelProto,
    inputs: Mapping[str, tuple[int, ...]],
    label: str,
    stand_ins: Mapping[str, Array] | None = None,
    cache: Path | None = None,
) -> Loaded:
    """Load a model that is already in memory; the model object is used up.

    `stand_ins` are values for constants that the model only declares, as structure locks do.
    """
    if stand_ins is None:
        model = check_graph(model, label)
    findings = pin_inputs(model, inputs, label)
    if stand_ins is None:
        check_operators(model, label)
        model, more = modernised(model, label, cache)
        findings += more
    try:
        program = from_model(model, stand_ins or {})
        refresh_types(program)
    except (ValueError, TypeError, UnicodeDecodeError) as error:
        raise CompressError(Diagnostic(codes.BAD_TENSOR, f"{label}: {_first_line(error)}")) from error
    except onnx.shape_inference.InferenceError as error:
        raise _shape_error(label, _first_line(error)) from error
    check_sizes(program, label)
    check_known(program, label)
    check_channels(program, label)
    if problems := verify(program):
        raise _shape_error(label, problems[0])
    return Loaded(program, tuple(findings))


def _shape_error(label: str, reason: str) -> CompressError:
    """Say that shapes do not fit together."""
    advice = "check the input shape in the recipe, `model: {inputs: ...}`, and the operator named here"
    return CompressError(Diagnostic(codes.SHAPES, f"{label}: {reason}", advice))


def _first_line(error: Exception) -> str:
    """Take the first line of a library's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
