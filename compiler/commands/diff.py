"""`compress diff`."""

from pathlib import Path

from compiler.codes.lint import NOT_A_BUILD
from compiler.commands.output import FINE, UNREADABLE, say, show_findings, write_json, write_table
from compiler.diagnostic import Diagnostic, Span
from compiler.report import BuildReport, from_json

_FIGURES = ("parameters", "macs", "executed_macs", "bytes", "predicted_ms")


def diff_command(before: Path, after: Path, output: str) -> int:
    """Compare two builds' reports, and return the exit status."""
    reports = [_read(before), _read(after)]
    faults = [item for item in reports if isinstance(item, Diagnostic)]
    if faults:
        show_findings(faults, output)
        return UNREADABLE
    old, new = (item for item in reports if isinstance(item, BuildReport))
    figures, files = _figures(old, new), _files(old, new)
    if output == "json":
        write_json({"figures": figures, "files": files, "passes": [_passes(old), _passes(new)]})
        return FINE
    rows = [(name, _text(one), _text(two), _change(one, two)) for name, (one, two) in figures.items()]
    write_table(f"{before} -> {after}", ("figure", "before", "after", "change"), rows, numbers=(1, 2, 3))
    if _passes(old) != _passes(new):
        say(f"passes: {', '.join(_passes(old))} -> {', '.join(_passes(new))}")
    for name, state in files.items():
        say(f"{state}: {name}")
    if not files:
        say("the files are the same")
    return FINE


def _read(folder: Path) -> BuildReport | Diagnostic:
    """Read a build's report, or say what is wrong with it."""
    path = folder / "report.json"
    try:
        return from_json(path.read_text("utf-8"))
    except (OSError, ValueError):  # pydantic's and the decoder's faults are ValueErrors
        advice = "give the folder that `compress build` wrote, build/<product>/<target>"
        return Diagnostic(NOT_A_BUILD, f"{folder} holds no readable report.json", advice, Span(str(path)))


def _figures(old: BuildReport, new: BuildReport) -> dict[str, tuple[float | None, float | None]]:
    """Pair the figures of two results."""
    one, two = old.result.model_dump(), new.result.model_dump()
    pairs: dict[str, tuple[float | None, float | None]] = {name: (one[name], two[name]) for name in _FIGURES}
    before, after = old.result.accuracy or {}, new.result.accuracy or {}
    for name in (*before, *(name for name in after if name not in before)):
        pairs[name] = (before.get(name), after.get(name))
    return pairs


def _files(old: BuildReport, new: BuildReport) -> dict[str, str]:
    """Tell for each file that is not the same what became of it."""
    one = old.artifact.files if old.artifact is not None else {}
    two = new.artifact.files if new.artifact is not None else {}
    states = {name: _state(one.get(name), two.get(name)) for name in sorted({*one, *two})}
    return {name: state for name, state in states.items() if state}


def _state(one: str | None, two: str | None) -> str:
    if one == two:
        return ""
    return "added" if one is None else "removed" if two is None else "changed"


def _passes(report: BuildReport) -> list[str]:
    return [step.name for step in report.passes]


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"


def _change(one: float | None, two: float | None) -> str:
    return "-" if not one or two is None else f"{(two - one) / one:+.1%}"
