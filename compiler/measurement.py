"""Read what a board measured, with the artifact that it was measured of."""

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compiler.artifact import MODEL, read_manifest
from compiler.artifact.manifest import digest_of
from compiler.codes.latency import MEASUREMENT_MISFIT, MEASUREMENT_UNREADABLE
from compiler.diagnostic import CompressError, Diagnostic, Span
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Program

_ENGINE = "engine"
"""The latency model that TensorRT's own times belong to, where a profile has it."""


@dataclass(frozen=True)
class Measurement:
    """One artifact's time on a board."""

    file: Path
    target: str
    backend: str | None
    """The back end of Arm Compute Library; null for TensorRT."""
    ms: float
    """The median over runs, of the network alone."""
    program: Program


def read_measurement(file: Path) -> Measurement:
    """Read a measurement.json and the model beside it. Raises CompressError."""
    document = _document(file)
    run = cast("dict[str, Any]", document.get("run", {}))
    times: object = document.get("gpu_compute_ms") or run.get("latency_ms") or document.get("latency_ms")
    ms = cast("dict[str, object]", times).get("median") if isinstance(times, dict) else None
    if not isinstance(ms, int | float) or not math.isfinite(ms) or ms <= 0:
        raise _unreadable(file, "there is no median time in it, above 0 ms")
    if run.get("verdict", "PASS") != "PASS":
        raise _misfit(file, "the self-test on the board did not pass", "find out why before timing it")
    folder = file.parent
    manifest = read_manifest(folder)
    if document.get("model_sha256") != digest_of(folder / MODEL):
        said = f"it was taken of another {MODEL} than the one beside it"
        raise _misfit(file, said, "keep each measurement in the folder of the artifact that it was taken of")
    program = load_onnx(folder / MODEL, {spec.name: spec.shape for spec in manifest.inputs}).program
    precision = run.get("precision", document.get("precision", manifest.precision))
    if precision != "int8":  # integers stand in the model itself, and its own note says what the rest is computed in
        program.set_metadata("compress.precision", str(precision))
    backend = run.get("backend")
    target = str(document.get("target", manifest.target))
    return Measurement(file, target, None if backend is None else str(backend), float(ms), program)


def setup_of(item: Measurement, others: Collection[str]) -> str | None:
    """Tell which of a profile's latency models a measurement is of; null for its own."""
    name = item.backend or _ENGINE
    return name if name in others else None


def _document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except OSError as fault:
        raise _unreadable(file, fault.strerror or "it cannot be read") from fault
    except ValueError as fault:
        raise _unreadable(file, "it is not JSON") from fault
    if not isinstance(document, dict) or not isinstance(document.get("run", {}), dict):
        raise _unreadable(file, "it is not what a kit writes")
    return cast("dict[str, Any]", document)


def _unreadable(file: Path, why: str) -> CompressError:
    advice = "give the measurement.json that bench.sh or run.sh wrote, in its artifact's folder"
    return CompressError(Diagnostic(MEASUREMENT_UNREADABLE, why, advice, Span(str(file), 1, 1)))


def _misfit(file: Path, why: str, advice: str) -> CompressError:
    return CompressError(Diagnostic(MEASUREMENT_MISFIT, f"{file}: {why}", advice))
