"""Verifies an artifact: its files against the manifest, then its model against the self-test."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from compiler.artifact.manifest import (
    MODEL,
    Manifest,
    TensorSpec,
    digest_of,
    each_file,
    expected_input,
    expected_output,
    is_vouched_for,
    read_manifest,
)
from compiler.codes.artifact import (
    FILE_CHANGED,
    FILE_MISSING,
    FILE_UNLISTED,
    NOT_A_PLAIN_FILE,
    SELF_TEST_DIFFERS,
    SELF_TEST_STOPPED,
    SELF_TEST_UNREADABLE,
)
from compiler.diagnostic import Code, CompressError, Diagnostic, Severity, Span
from compiler.ir import Array
from compiler.reference import RefusedError, Session

_HOST_PRECISIONS = ("int8", "fp32")
"""What the graph itself can hold; FP16 is asked of the board's builder, so the host computes FP32."""


def verify_artifact(folder: Path) -> Iterator[Diagnostic]:
    """Yield all that is wrong with an artifact; nothing means that it is what was built and computes what it did.

    The model runs only when every file is as the manifest says.
    """
    try:
        manifest = read_manifest(folder)
    except CompressError as error:
        yield from error.diagnostics
        return
    findings = [*_file_findings(folder, manifest)]
    yield from findings
    if not any(item.severity is Severity.ERROR for item in findings):
        yield from _self_test(folder, manifest)


def _file_findings(folder: Path, manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield files that are missing, changed, unlisted or no plain files."""
    needed = [MODEL, *(expected_input(index) for index, _ in enumerate(manifest.inputs))]
    needed += [expected_output(index) for index, _ in enumerate(manifest.outputs)]
    for name in needed:
        if name not in manifest.files:
            yield _at(FILE_MISSING, folder, name, "the manifest does not list it")
    present = set(each_file(folder))
    for name in sorted(present):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            yield _at(NOT_A_PLAIN_FILE, folder, name, "neither a file nor a folder of the artifact's own")
        elif is_vouched_for(name, manifest) and name not in manifest.files:
            yield _at(FILE_UNLISTED, folder, name, "the manifest does not list it")
    for name, digest in sorted(manifest.files.items()):
        path = folder / name
        if name not in present:
            yield _at(FILE_MISSING, folder, name, "the manifest lists it, the folder lacks it")
        elif path.is_file() and not path.is_symlink():
            try:
                found = digest_of(path)
            except OSError as error:
                yield _at(FILE_CHANGED, folder, name, f"it cannot be read: {error.strerror}")
                continue
            if found != digest:
                yield _at(FILE_CHANGED, folder, name, f"its digest is {found[:12]}, the manifest says {digest[:12]}")


def _self_test(folder: Path, manifest: Manifest) -> Iterator[Diagnostic]:
    """Run the model on the self-test's input and compare."""
    known = manifest.tolerance
    precision = manifest.precision if manifest.precision in _HOST_PRECISIONS or "fp32" not in known else "fp32"
    tolerance = known[precision]
    try:
        inputs = {spec.name: _load(folder, expected_input(i), spec) for i, spec in enumerate(manifest.inputs)}
        expected = [_load(folder, expected_output(i), spec) for i, spec in enumerate(manifest.outputs)]
        actual = _run(folder / MODEL, inputs, [spec.name for spec in manifest.outputs])
    except CompressError as error:
        yield from error.diagnostics
        return
    for spec, got, wanted in zip(manifest.outputs, actual, expected, strict=True):
        share = difference(got, wanted)
        if share > tolerance:
            message = f"output {spec.name!a} is off by {share:.3g} of its range, the tolerance is {tolerance:.3g}"
            yield Diagnostic(SELF_TEST_DIFFERS, message)


def difference(actual: Array, expected: Array) -> float:
    """Measure the largest difference as a share of the expected values' range; infinite when shapes or NaNs differ."""
    if actual.shape != expected.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    got, wanted = actual.astype(np.float64), expected.astype(np.float64)
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(got - wanted))
    finite = wanted[np.isfinite(wanted)]
    spread = float(np.ptp(finite)) if finite.size else 0.0
    scale = spread or float(np.abs(finite).max(initial=0.0)) or 1.0
    return float("inf") if np.isnan(gap).any() else float(gap.max()) / scale


def _load(folder: Path, name: str, spec: TensorSpec) -> Array:
    """Read an array of the self-test and hold it against the manifest."""
    try:
        array = cast("Array", np.load(folder / name, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise CompressError(_at(SELF_TEST_UNREADABLE, folder, name, f"no array of numbers: {error}")) from error
    if array.dtype.name != spec.dtype or array.shape != spec.shape:
        found, said = f"{array.dtype.name}{list(array.shape)}", f"{ascii(spec.dtype)[1:-1]}{list(spec.shape)}"
        raise CompressError(_at(SELF_TEST_UNREADABLE, folder, name, f"it holds {found}, the manifest says {said}"))
    return array


def _run(model: Path, inputs: Mapping[str, Array], outputs: list[str]) -> list[Array]:
    """Run a model in ONNX Runtime on the host."""
    try:
        results = Session(model.read_bytes()).run_as_declared(inputs)
    except RefusedError as error:
        raise CompressError(Diagnostic(SELF_TEST_STOPPED, str(error), span=Span(str(model)))) from error
    absent = [ascii(name) for name in outputs if name not in results]
    if absent:
        message = f"the model has no output {', '.join(absent)}"
        raise CompressError(Diagnostic(SELF_TEST_STOPPED, message, span=Span(str(model))))
    return [results[name] for name in outputs]


def _at(code: Code, folder: Path, name: str, message: str) -> Diagnostic:
    """Make a diagnostic about a file; odd characters of its name are shown as escapes."""
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)
    return Diagnostic(code, f"{shown}: {message}", span=Span(f"{folder}/{shown}"))
