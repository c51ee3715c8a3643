"""`compress inspect`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from compiler.analysis.cost import Cost, LayerCost, cost, layer_costs
from compiler.analysis.prediction import Prediction, predictions
from compiler.codes.latency import NO_SUCH_SETUP
from compiler.commands.output import FINE, FOUND, say, show_findings, status_of_failure, write_json, write_table
from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import ProgramView
from compiler.registry import load_named_target

_ANY = "host"
"""The target whose class names sort the layers when the user names none; its times are then not shown."""


def inspect_command(
    model: Path, shapes: Mapping[str, tuple[int, ...]], target: str | None, setup: str | None, output: str
) -> int:
    """Load a model and show its layers, and return the exit status."""
    try:
        board = load_named_target(target or _ANY)
        loaded = load_onnx(model, shapes)
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    if setup is not None and setup not in board.cost.others:
        known = ", ".join(board.cost.others) or "none"
        advice = f"leave out --setup, or give one of those that {board.name} has: {known}"
        show_findings([Diagnostic(NO_SUCH_SETUP, f"{board.name} has no latency model `{setup}`", advice)], output)
        return FOUND
    program, chosen = loaded.program, board.cost.under(setup)
    layers, total = layer_costs(program, chosen), cost(program, chosen)
    said = () if target is None else predictions(program, board.cost)
    if output == "json":
        write_json(_document(program, layers, total, target, said))
        return FINE
    if loaded.findings:
        show_findings(loaded.findings, output)
    _show(program, layers, total, target)
    for item in said:
        say(_sentence(item, target or ""))
    return FINE


def _document(
    program: ProgramView, layers: list[LayerCost], total: Cost, target: str | None, said: Sequence[Prediction]
) -> dict[str, object]:
    """Gather everything as plain JSON values."""
    hidden = () if target is not None else ("predicted_ms", "bound", "rated", "precision")
    found: dict[str, object] = {
        "model": program.name,
        "opset": program.opset,
        "target": target,
        "inputs": {name: _type(program, name) for name in program.inputs},
        "outputs": {name: _type(program, name) for name in program.outputs},
        "operators": dict(sorted(Counter(op.op_type for op in program.each()).items())),
        "total": {key: value for key, value in asdict(total).items() if key not in hidden},
        "layers": [{key: value for key, value in asdict(layer).items() if key not in hidden} for layer in layers],
    }
    return found if target is None else {**found, "predictions": [asdict(item) for item in said]}


def _type(program: ProgramView, tensor: str) -> dict[str, object]:
    kind = program.type(tensor)
    return {"dtype": str(kind.dtype), "shape": None if kind.shape is None else list(kind.shape)}


def _show(program: ProgramView, layers: list[LayerCost], total: Cost, target: str | None) -> None:
    """Print the layers, then the sums."""
    header = ["layer", "operator", "output", "weights", "MMAC", "kB"]
    rows = [_row(program, layer) for layer in layers]
    if target is None:
        rows = [row[:6] for row in rows]
    else:
        header += ["ms", "bound by"]
    write_table(
        f"{program.name}, opset {program.opset}; kB is the memory that a layer moves",
        header,
        rows,
        numbers=(3, 4, 5, 6),
    )
    counts = Counter(op.op_type for op in program.each())
    say(f"operators: {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}")
    say(f"total: {total.parameters:,} parameters ({total.bytes / 1e6:,.2f} MB), {total.macs / 1e9:,.4f} GMAC")


def _sentence(item: Prediction, target: str) -> str:
    """Say a prediction with its band."""
    setup = f"{target}, {item.setup}" if item.setup else target
    if item.low is None or item.high is None:
        return f"predicted on {setup}: {item.ms:,.2f} ms, {item.stands_for}; no measurement stands behind it"
    band = f"between {item.low:,.2f} and {item.high:,.2f} ms in nine cases of ten"
    return f"predicted on {setup}: {item.ms:,.2f} ms, {band}, by {item.held_out}. It stands for {item.stands_for}"


def _row(program: ProgramView, layer: LayerCost) -> list[str]:
    """Write one layer's figures."""
    shape = program.type(program.op(layer.layer).y).shape
    return [
        layer.layer,
        layer.op_type,
        "?" if shape is None else "x".join(str(dim) for dim in shape) or "scalar",
        f"{layer.parameters:,}",
        f"{layer.macs / 1e6:,.2f}",
        f"{layer.bytes / 1e3:,.0f}",
        f"{layer.predicted_ms:.3f}",
        "" if layer.bound == "nothing" else layer.bound,
    ]
