"""Bring a model into the form that the compiler works in: opset 13 or newer, nothing left to fold."""

import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import onnx.version_converter

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends import onnx_codes as codes
from compiler.frontends.cache import fetch, keep, key_of_file
from compiler.frontends.program_checks import check_foldable_sizes

_OLDEST_OPSET = 13
_NEVER_FOLDED = frozenset(
    (
        "Constant",
        "QuantizeLinear",
        "DequantizeLinear",
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
    )
)
_PATIENCE_SECONDS = 120


def modernised(
    model: onnx.ModelProto, label: str, cache: Path | None = None
) -> tuple[onnx.ModelProto, list[Diagnostic]]:
    """Raise an old opset and fold constant chains; trust the result only if it computes what the original did.

    Nothing is imported and nothing is run for a model that needs neither, nor for one whose result is in the cache.
    """
    if _opset(model) >= _OLDEST_OPSET and not needs_folding(model):
        return model, []
    check_foldable_sizes(model, label)
    if cache is None:
        return _modernised(model, label)
    key = key_of_file(model.SerializeToString())
    kept = fetch(cache, key)
    if kept is not None:
        return kept, []
    done, findings = _modernised(model, label)
    if not findings:  # what was not folded is tried again, and said again
        keep(cache, key, done)
    return done, findings


def _modernised(model: onnx.ModelProto, label: str) -> tuple[onnx.ModelProto, list[Diagnostic]]:
    """Do the work: convert, fold, compare."""
    original = model
    if _opset(model) < _OLDEST_OPSET:
        model = _raised(model, label)
    findings: list[Diagnostic] = []
    if needs_folding(model):
        folded = _folded(model)
        if folded is None:
            findings.append(_not_folded(label, "onnxsim failed on it"))
        else:
            model = folded
    return _trusted(original, model, findings, label)


def needs_folding(model: onnx.ModelProto) -> bool:
    """Tell whether a node computes something that no input can change: a shape, or a function of constants."""
    known = {tensor.name for tensor in model.graph.initializer}
    known.update(node.output[0] for node in model.graph.node if node.op_type == "Constant")
    for node in model.graph.node:
        if node.op_type in _NEVER_FOLDED or any(item.type == onnx.AttributeProto.GRAPH for item in node.attribute):
            continue
        if node.op_type in ("Shape", "Size") or all(name in known for name in node.input if name):
            return True
    return False


def _trusted(
    original: onnx.ModelProto, model: onnx.ModelProto, findings: list[Diagnostic], label: str
) -> tuple[onnx.ModelProto, list[Diagnostic]]:
    """Compare the rewritten model with the original and choose."""
    from compiler.frontends.compare import TOLERANCE, worst_error
    from compiler.reference import RefusedError

    try:
        error = worst_error(original, model)
    except RefusedError as refusal:
        advice = "compare the artifact's outputs with the original network's yourself"
        said = f"{label} was rewritten on loading, and ONNX Runtime cannot run the original: {refusal}"
        return model, [*findings, Diagnostic(codes.NOT_COMPARED, said, advice)]
    if error <= TOLERANCE:
        return model, findings
    if _opset(original) < _OLDEST_OPSET:
        said = f"{label}: raising the opset to {_opset(model)} changes outputs by {error:.3g} of their range"
        raise CompressError(Diagnostic(codes.NOT_RAISED, said, "export the model with opset 13"))
    return original, [*findings, _not_folded(label, f"the folded model's outputs differ by {error:.3g} of their range")]


def _not_folded(label: str, why: str) -> Diagnostic:
    """Say that folding did not work out."""
    return Diagnostic(codes.NOT_FOLDED, f"{label} was not folded: {why}", "simplify the model where it is exported")


def _opset(model: onnx.ModelProto) -> int:
    """Read the version of ONNX's own operator set."""
    return next(item.version for item in model.opset_import if item.domain in ("", "ai.onnx"))


def _raised(model: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """Convert an old model with ONNX's own converter."""
    try:
        raised = onnx.version_converter.convert_version(model, _OLDEST_OPSET)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        said = f"{label}: opset {_opset(model)} cannot be raised to {_OLDEST_OPSET}: {reason}"
        raise CompressError(Diagnostic(codes.NOT_RAISED, said, "export the model with opset 13")) from error
    for node in raised.graph.node:
        if node.op_type == "Dropout" and len(node.input) == 2:
            del node.input[1:]  # the converter writes the ratio as a list, which opset 13 refuses; inference ignores it
    return raised


def _folded(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Fold constants with onnxsim, in a process of its own: it is native code and has been seen to crash."""
    script = (
        "import sys, onnx, onnxsim\n"
        "model, _ = onnxsim.simplify(onnx.load(sys.argv[1]), perform_optimization=False, check_n=0)\n"
        "onnx.save(model, sys.argv[2])\n"
    )
    with tempfile.TemporaryDirectory(prefix="compress-") as folder:
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        before.write_bytes(model.SerializeToString())
        command = [sys.executable, "-c", script, str(before), str(after)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0 or not after.is_file():
            return None
        return onnx.load(after)
