"""`compress inspect`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

from compiler.analysis.cost import Cost, LayerCost, cost, layer_costs
from compiler.commands.output import FINE, say, show_findings, status_of_failure, write_json, write_table
from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import ProgramView
from compiler.registry import load_named_target

_ANY = "host"
"""The target whose class names sort the layers when the user names none; its times are then not shown."""


def inspect_command(model: Path, target: str | None, output: str) -> int:
    """Load a model and show its layers, and return the exit status."""
    try:
        board = load_named_target(target or _ANY)
        loaded = load_onnx(model, {})
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    program = loaded.program
    layers, total = layer_costs(program, board.cost), cost(program, board.cost)
    if output == "json":
        write_json(_document(program, layers, total, target))
        return FINE
    if loaded.findings:
        show_findings(loaded.findings, output)
    _show(program, layers, total, target)
    return FINE


def _document(program: ProgramView, layers: list[LayerCost], total: Cost, target: str | None) -> dict[str, object]:
    """Gather everything as plain JSON values."""
    hidden = () if target is not None else ("predicted_ms", "bound")
    return {
        "model": program.name,
        "opset": program.opset,
        "target": target,
        "inputs": {name: _type(program, name) for name in program.inputs},
        "outputs": {name: _type(program, name) for name in program.outputs},
        "operators": dict(sorted(Counter(op.op_type for op in program.each()).items())),
        "total": {key: value for key, value in asdict(total).items() if key not in hidden},
        "layers": [{key: value for key, value in asdict(layer).items() if key not in hidden} for layer in layers],
    }


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
    if target is not None:
        say(f"predicted on {target}: {total.predicted_ms:,.2f} ms (from a latency model, not measured)")


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
