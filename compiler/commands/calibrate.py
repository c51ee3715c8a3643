"""`compress calibrate`."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from compiler.analysis.calibration import Sample, calibrated, errors
from compiler.codes.latency import MEASUREMENT_MISFIT
from compiler.commands.output import FINE, say, show_findings, status_of_failure, write_json, write_table
from compiler.diagnostic import CompressError, Diagnostic
from compiler.measurement import Measurement, read_measurement, setup_of
from compiler.registry import load_named_target, target_files
from compiler.target import CostModel, Target


def calibrate_command(target: str, files: Sequence[Path], out: Path | None, output: str) -> int:
    """Fit a copy of a profile to measurements, and return the exit status."""
    try:
        board = load_named_target(target)
        found = [read_measurement(file) for file in files]
        setup = _setup(board, found)
    except CompressError as error:
        show_findings(error.diagnostics, output)
        return status_of_failure(error.diagnostics)
    before, samples = board.cost.under(setup), [Sample(item.program, item.ms) for item in found]
    count = f"{len(found)} measurement{'' if len(found) == 1 else 's'}"
    after = calibrated(before, samples, f"Calibrated by `compress calibrate` to {count} of one board")
    path = out or Path(f"{board.name}-calibrated.yaml")
    _write(path, target, board, after)
    _show(path, found, (errors(before, samples), errors(after, samples)), after, output)
    return FINE


def _setup(board: Target, found: Sequence[Measurement]) -> str | None:
    """Pick the latency model that the measurements are of. Raises CompressError where they do not go together."""
    for item in found:
        if item.target not in {board.name, board.name.removesuffix("-calibrated")}:
            said = f"{item.file}: it was measured on {item.target}, not on {board.name}"
            raise CompressError(Diagnostic(MEASUREMENT_MISFIT, said, f"calibrate {item.target} with it"))
    backends = {item.backend for item in found}
    if len(backends) > 1:
        said = f"the measurements are of several back ends: {', '.join(sorted(map(str, backends)))}"
        raise CompressError(Diagnostic(MEASUREMENT_MISFIT, said, "calibrate once for each, with --out"))
    return setup_of(found[0], board.cost.others)


def _write(path: Path, target: str, board: Target, model: CostModel) -> None:
    """Write the profile's copy: the calibrated model is its default now, the others stay."""
    profile = yaml.safe_load(target_files(target)[0].read_text("utf-8"))
    others = {name: other.model_dump(mode="json", exclude_none=True) for name, other in board.cost.others.items()}
    cost = model.model_copy(update={"others": {}}).model_dump(mode="json", exclude_none=True)
    profile["name"] = f"{board.name.removesuffix('-calibrated')}-calibrated"
    profile["cost"] = {**cost, "others": others}
    text = yaml.safe_dump(profile, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(
        f"# A copy of {board.name}'s profile whose latency model was fitted to your board.\n{text}", "utf-8"
    )


def _show(
    path: Path, found: Sequence[Measurement], off: tuple[list[float], list[float]], after: CostModel, output: str
) -> None:
    """Say each measurement's error before and after."""
    if output == "json":
        rows = [
            {"file": str(item.file), "measured_ms": item.ms, "error_before": old, "error_after": new}
            for item, old, new in zip(found, *off, strict=True)
        ]
        band = None if after.error is None else after.error.model_dump()
        write_json({"profile": str(path), "measurements": rows, "error": band})
        return
    rows = [
        [str(item.file), f"{item.ms:.2f}", *_said(item.ms, old), *_said(item.ms, new)]
        for item, old, new in zip(found, *off, strict=True)
    ]
    header = ["measurement", "measured ms", "before", "error", "after", "error"]
    write_table("times that the profile predicted before and after", header, rows, numbers=(1, 2, 3, 4, 5))
    error = after.error
    if len(found) < 3:
        say("three measurements and more give an error band of their own; until then the profile's stands")
    elif error is not None:
        say(f"each predicted from the others: half within {error.median:.1%}, nine of ten within {error.p90:.1%}")
    say(f"wrote {path}; use it with --target {path}")


def _said(ms: float, error: float) -> tuple[str, str]:
    """Write a prediction and its error."""
    return f"{ms * (1 + error):.2f}", f"{error:+.1%}"
