"""Build: from a recipe to an artifact and a report, one target at a time."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compiler.allow import apply_allow
from compiler.artifact import read_manifest, write_artifact
from compiler.budget import budget_findings, budget_lines
from compiler.check import check_program, has_errors
from compiler.contracts import Context, Emission, Emitter
from compiler.diagnostic import CompressError, Diagnostic
from compiler.fidelity import Probe, make_probe
from compiler.frontends.onnx_file import Loaded
from compiler.frontends.source import load_source
from compiler.inputs import calibration, data_digest, image_input, probe_samples, random_sample, scorer, settings_for
from compiler.ir import Program, digest, dump, model_bytes
from compiler.pipeline import Instruments, Run, costs, run
from compiler.plan import Plan, make_plan, target_names_of
from compiler.plan_codes import FIDELITY_MISSING, NO_DATA, NO_EMITTER, UNTRAINED
from compiler.recipe import LoadedRecipe, load_recipe
from compiler.reference import Session
from compiler.registry import emitter_for, rules
from compiler.report.finding import to_finding
from compiler.report.model import Artifact, BuildReport, Digests, Lap, Measured, Result, Timing, Tool
from compiler.report.write import write_reports
from compiler.tool import library_versions, tool_version

REPORTS = ("report.json", "report.md", "report.html")


@dataclass(frozen=True)
class Options:
    """What the command line adds to a recipe."""

    targets: tuple[str, ...] = ()
    out: Path = Path("build")
    sets: tuple[str, ...] = ()
    is_dumping: bool = False
    on_step: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Outcome:
    """One target's artifact, its report, and the findings that decide the exit status."""

    folder: Path
    report: BuildReport
    findings: tuple[Diagnostic, ...]


def build(path: Path, options: Options) -> list[Outcome]:
    """Build every target of a recipe. Raises CompressError before anything is written for a target that fails."""
    loaded = load_recipe(path, options.sets)
    plans = [make_plan(loaded, name) for name in target_names_of(loaded, options.targets)]
    emitters = [_emitter(plan, loaded) for plan in plans]
    started = time.perf_counter()
    source = load_source(loaded)
    stages = [Lap(name="load", seconds=time.perf_counter() - started)]
    return [
        _build_target(loaded, plan, emitter, source, options, stages)
        for plan, emitter in zip(plans, emitters, strict=True)
    ]


def _emitter(plan: Plan, loaded: LoadedRecipe) -> Emitter:
    """Find the target's emitter before any work is done."""
    target = plan.target
    found = emitter_for(target.runtime) if target.emitter_ready else None
    if found is None:
        said = f"nothing can be built for {target.name} yet: {target.emitter_note or 'its emitter is still to come'}"
        advice = "lint the recipe for it with `compress lint`, and build for another target"
        raise CompressError(Diagnostic(NO_EMITTER, said, advice, loaded.at("target")))
    return found


def _build_target(  # noqa: PLR0913 - the compile line's values
    loaded: LoadedRecipe, plan: Plan, emitter: Emitter, source: Loaded, options: Options, stages: Sequence[Lap]
) -> Outcome:
    """The compile line: run the plan, check the result, emit it, report."""
    recipe, program = loaded.recipe, source.program
    rng = np.random.default_rng(recipe.seed)
    probe = make_probe(program, probe_samples(recipe, program, np.random.default_rng(recipe.seed)))
    score = scorer(recipe, program) if isinstance(probe, Probe) else None
    findings = [*source.findings, *_source_findings(loaded, probe, measured=score is not None)]
    folder = options.out / recipe.product / plan.target.name
    started = time.perf_counter()
    baseline = score(program) if score is not None else None
    context = Context(plan.target, rng, calibration(recipe, program))
    instruments = Instruments(
        probe if isinstance(probe, Probe) else None,
        score,
        _dumper(folder) if options.is_dumping else None,
        options.on_step,
    )
    done = run(plan, program, context, instruments)
    compiled = time.perf_counter()
    checked = apply_allow(loaded, [*findings, *done.findings, *check_program(done.program, plan.target, rules())])
    placed = [replace(item, span=item.span or loaded.at("model")) for item in checked]
    if has_errors(placed):
        raise CompressError(*placed)
    final = done.accuracy or baseline
    laps = [*stages, Lap(name="passes and measurements", seconds=compiled - started)]
    report = _report(loaded, plan, source.program, done, (baseline, final), placed, laps)
    return _emit(loaded, plan, emitter, done, report, folder, placed)


def _source_findings(loaded: LoadedRecipe, probe: Probe | str, *, measured: bool) -> list[Diagnostic]:
    """Say what the report will lack and why."""
    found: list[Diagnostic] = []
    model = loaded.recipe.model
    if model.torch is not None and model.checkpoint is None:
        said = f"{loaded.recipe.product} has no checkpoint: its weights are untrained"
        found.append(Diagnostic(UNTRAINED, said, "add `checkpoint` under `model`", loaded.at("model", "torch")))
    if isinstance(probe, str):
        found.append(Diagnostic(FIDELITY_MISSING, f"ONNX Runtime cannot run the network: {probe}"))
    elif not measured:
        advice = "add `data: {validation: ...}` and `evaluate` to the recipe"
        found.append(Diagnostic(NO_DATA, "there is nothing to measure accuracy on", advice, loaded.at("product")))
    return found


def _report(  # noqa: PLR0913 - the report's parts
    loaded: LoadedRecipe,
    plan: Plan,
    source: Program,
    done: Run,
    accuracy: tuple[dict[str, float] | None, dict[str, float] | None],
    findings: Sequence[Diagnostic],
    stages: Sequence[Lap],
) -> BuildReport:
    """Gather what is known before anything is emitted."""
    before, after = costs(source, plan.target), costs(done.program, plan.target)
    sha = hashlib.sha256()
    for path in loaded.sources:
        sha.update(path.read_bytes())
    folder = loaded.path.parent
    return BuildReport(
        product=loaded.recipe.product,
        target=plan.target.name,
        tool=Tool(version=tool_version(), libraries=library_versions()),
        digests=Digests(recipe=sha.hexdigest(), model=digest(source), data=data_digest(loaded.recipe)),
        source=Measured(**before.model_dump(), accuracy=_figures(accuracy[0])),
        passes=tuple(done.reports),
        result=Result(**after.model_dump(), accuracy=_figures(accuracy[1])),
        findings=tuple(to_finding(item, folder) for item in findings),
        timing=Timing(total_seconds=sum(lap.seconds for lap in stages), stages=tuple(stages), passes=tuple(done.laps)),
    )


def _emit(  # noqa: PLR0913 - the compile line's values
    loaded: LoadedRecipe,
    plan: Plan,
    emitter: Emitter,
    done: Run,
    report: BuildReport,
    folder: Path,
    findings: list[Diagnostic],
) -> Outcome:
    """Write the artifact and its reports, all or nothing."""
    program, recipe = done.program, loaded.recipe
    inputs = probe_samples(recipe, program, np.random.default_rng(recipe.seed))[0]
    outputs = Session(model_bytes(program)).run(inputs)
    name = image_input(program)
    preprocess = settings_for(recipe, program, name).model_dump(mode="json") if name is not None else {}
    versions = {"compress": tool_version(), **library_versions()}
    emission = Emission(recipe.product, program, plan.target, preprocess, inputs, outputs, versions)
    finished: list[BuildReport] = []

    def fill(place: Path) -> None:
        (place / "recipe.yaml").write_bytes(loaded.path.read_bytes())
        emitter.emit(emission, place)
        size = (place / "model.onnx").stat().st_size
        finished.append(_with_artifact(loaded, plan, report, place, size, findings))
        write_reports(finished[0], place)

    write_artifact(folder, fill)
    missed = budget_findings(loaded, list(finished[0].result.budget))
    return Outcome(folder, finished[0], (*findings, *missed))


def _with_artifact(
    loaded: LoadedRecipe, plan: Plan, report: BuildReport, place: Path, size: int, findings: list[Diagnostic]
) -> BuildReport:
    """Complete a report with the files that were written and with the budget's verdict."""
    manifest = read_manifest(place)
    metric = loaded.recipe.evaluate.metric if loaded.recipe.evaluate is not None else ""
    pair = ((report.source.accuracy or {}).get(metric), (report.result.accuracy or {}).get(metric))
    lines = budget_lines(loaded, report.result, pair, size)
    missed = tuple(to_finding(item, loaded.path.parent) for item in budget_findings(loaded, lines))
    whole = hashlib.sha256("".join(f"{name}\0{sha}\n" for name, sha in sorted(manifest.files.items())).encode())
    commands = ("./build_engine.sh", "./bench.sh", "python3 infer.py")
    return report.model_copy(
        update={
            "digests": report.digests.model_copy(update={"artifact": whole.hexdigest()}),
            "result": report.result.model_copy(update={"budget": tuple(lines)}),
            "findings": (*report.findings, *missed),
            "artifact": Artifact(
                runtime=plan.target.runtime,
                files=dict(manifest.files),
                run=tuple(command for command in commands if (place / command.split("/")[-1].split()[-1]).is_file()),
            ),
        }
    )


def _figures(accuracy: dict[str, float] | None) -> dict[str, float | None] | None:
    return None if accuracy is None else dict(accuracy)


def _dumper(folder: Path) -> Callable[[int, str, Program], None]:
    """Make a function that writes the program after each step, beside the artifact."""
    place = folder.with_name(f"{folder.name}-ir")

    def write(index: int, name: str, program: Program) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index:02d}-{name}.onnx.txt").write_text(dump(program), "utf-8")

    return write


__all__ = ["Options", "Outcome", "build", "random_sample"]
