"""`compress inspect --stages`: the stages of a backbone, and where backbone-swap would cut it off."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from compiler.analysis.cost import layer_costs
from compiler.analysis.stages import backbone_end, find_cut, find_stages
from compiler.commands.output import FINE, say, show_findings, status_of_failure, write_json, write_table
from compiler.diagnostic import CompressError
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import ProgramView
from compiler.registry import load_named_target

_ANY = "host"
"""Parameters and multiply-accumulates are the same on every target."""


@dataclass(frozen=True)
class _Row:
    """A stage with what the network has spent up to it."""

    tensor: str
    layer: str
    channels: int
    height: int
    width: int
    weights: int
    macs: int
    is_cut: bool


def inspect_stages_command(model: Path, shapes: Mapping[str, tuple[int, ...]], output: str) -> int:
    """Load a model and show its stages, and return the exit status."""
    try:
        loaded = load_onnx(model, shapes)
        program = loaded.program
        end = backbone_end(program)
        rows = [] if end is None else _rows(program, end)
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    border = () if end is None else find_cut(program, (end,)).border
    if output == "json":
        write_json({"stages": [asdict(row) for row in rows], "cut": list(border)})
        return FINE
    if loaded.findings:
        show_findings(loaded.findings, output)
    _show(program, rows, border)
    return FINE


def _rows(program: ProgramView, end: str) -> list[_Row]:
    """Sum up what leads to each stage."""
    costs = {layer.layer: layer for layer in layer_costs(program, load_named_target(_ANY).cost)}
    border = find_cut(program, (end,)).border
    rows: list[_Row] = []
    for stage in find_stages(program, end):
        spent = [costs[name] for name in find_cut(program, (stage.tensor,)).layers]
        weights, macs = sum(layer.parameters for layer in spent), sum(layer.macs for layer in spent)
        rows.append(_Row(**asdict(stage), weights=weights, macs=macs, is_cut=stage.tensor in border))
    return rows


def _show(program: ProgramView, rows: list[_Row], border: tuple[str, ...]) -> None:
    """Print the stages and the cut."""
    if not rows:
        say(f"{program.name}: its maps never shrink, so there is no backbone to cut off")
        return
    write_table(
        f"{program.name}: the last map of each size that every path passes; weights and MMAC count all up to it",
        ("tensor", "layer", "channels", "size", "weights", "MMAC", "cut"),
        [
            (r.tensor, r.layer, str(r.channels), f"{r.height}x{r.width}", f"{r.weights:,}", f"{r.macs / 1e6:,.2f}",
             "yes" if r.is_cut else "")
            for r in rows
        ],
        numbers=(2, 4, 5),
    )  # fmt: skip
    say(f"backbone-swap cuts at {', '.join(border)}, unless `cut` names other tensors")
