"""Build: from a recipe to an artifact and a report, one target at a time."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from compiler.allow import apply_allow, check_allow
from compiler.analysis.prediction import predictions
from compiler.artifact import MODEL, Manifest, check_place, reseal, write_artifact
from compiler.beside import dumper, recipe_digest, recipe_text
from compiler.budget import Accuracy, budget_findings, budget_lines, is_met
from compiler.build_findings import gather_findings, packed_finding
from compiler.check import check_program, has_errors
from compiler.codes.plan import NO_EMITTER
from compiler.contracts import Context, Emission, Emitter
from compiler.data_faults import data_faults_at
from compiler.diagnostic import CompressError, Diagnostic
from compiler.fidelity import make_probe
from compiler.frontends.cache import cache_folder, checkpoint_folder
from compiler.frontends.onnx_file import Loaded
from compiler.frontends.source import load_source
from compiler.frontends.timm_backbone import Backbones
from compiler.inputs import (
    agreement_of,
    as_declared,
    calibration,
    check_images,
    data_digest,
    image_input,
    probe_samples,
    random_sample,
    scenes,
    scorer,
    settings_for,
    tensor_reader,
)
from compiler.ir import Program, digest
from compiler.pipeline import Instruments, Run, costs, run
from compiler.plan import Plan, make_plan, target_names_of
from compiler.recipe import LoadedRecipe, load_recipe
from compiler.registry import emitter_for, rules
from compiler.report.finding import to_finding
from compiler.report.model import Artifact, BuildReport, Digests, Lap, Measured, Predicted, Result, Timing, Tool
from compiler.report.write import write_reports
from compiler.retraining import make_training, stand_in
from compiler.self_test import SelfTest, choose_self_test, unsteady_finding
from compiler.target import CostModel
from compiler.tool import library_versions, tool_version
from compiler.training.launch import is_leader
from compiler.training.setup import Watcher
from compiler.wants import unmet_wants

_Metrics: TypeAlias = Mapping[str, float | None] | None


@dataclass(frozen=True)
class Options:
    """What the command line adds to a recipe."""

    targets: tuple[str, ...] = ()
    out: Path = Path("build")
    sets: tuple[str, ...] = ()
    is_dumping: bool = False
    is_caching: bool = True
    on_step: Callable[[str], None] | None = None
    watcher: Watcher | None = None
    """Shows how training gets on."""


@dataclass(frozen=True)
class _Job:
    """What the steps of one target's compile line share."""

    loaded: LoadedRecipe
    plan: Plan
    emitter: Emitter
    source: Loaded
    options: Options
    backbones: Backbones

    @property
    def folder(self) -> Path:
        """Where the artifact goes."""
        return self.options.out / self.loaded.recipe.product / self.plan.target.name


@dataclass(frozen=True)
class Outcome:
    """One target's artifact, its report, and the findings that decide the exit status."""

    folder: Path
    report: BuildReport
    findings: tuple[Diagnostic, ...]


def build(path: Path, options: Options) -> Iterator[Outcome]:
    """Build a recipe for one target after the other.

    Raises CompressError before anything is written for the target that fails; what was yielded before it stands.
    """
    loaded = load_recipe(path, options.sets)
    check_allow(loaded)
    plans = [make_plan(loaded, name) for name in target_names_of(loaded, options.targets)]
    emitters = [_emitter(plan, loaded) for plan in plans]
    started = time.perf_counter()
    cache = cache_folder() if options.is_caching else None
    source = load_source(loaded, cache)
    check_images(loaded, source.program)
    lap = Lap(name="load", seconds=time.perf_counter() - started)
    backbones = Backbones(loaded.recipe.seed, cache)
    pairs = zip(plans, emitters, strict=True)
    jobs = [_Job(loaded, plan, emitter, source, options, backbones) for plan, emitter in pairs]
    for job in jobs:
        check_place(job.folder)
        _check_beforehand(job)
    for job in jobs:
        with data_faults_at(loaded):
            outcome = _build_target(job, lap)
        if outcome is not None:
            yield outcome


def _emitter(plan: Plan, loaded: LoadedRecipe) -> Emitter:
    """Find the target's emitter before any work is done."""
    target = plan.target
    found = emitter_for(target.runtime) if target.emitter_ready else None
    if found is None:
        said = f"nothing can be built for {target.name} yet: {target.emitter_note or 'its emitter is still to come'}"
        advice = "lint the recipe for it with `compress lint`, and build for another target"
        raise CompressError(Diagnostic(NO_EMITTER, said, advice, loaded.at("target")))
    if absent := [*found.missing()]:
        raise CompressError(*absent)
    return found


def _check_beforehand(job: _Job) -> None:
    """Walk the plan with stand-in decisions, as lint does, and refuse before any work what the target cannot run."""
    recipe, target = job.loaded.recipe, job.plan.target
    training = stand_in(job.loaded, job.source.program)
    rng, make = np.random.default_rng(recipe.seed), job.backbones.make
    tensors = tensor_reader(job.loaded.path.parent)
    context = Context(target, rng, is_stand_in=True, tensors=tensors, training=training, backbones=make)
    done = run(job.plan, job.source.program, context, Instruments())
    told = [*unmet_wants(recipe, job.plan), *check_program(done.program, target, rules())]
    found = apply_allow(job.loaded, told, ())
    if has_errors(found):
        raise CompressError(*(replace(item, span=item.span or job.loaded.at("model")) for item in found))


def _build_target(job: _Job, load: Lap) -> Outcome | None:
    """Walk the compile line: run the plan, check the result, report, emit.

    Of several processes that train together the first one writes; the others end before that, with None.
    """
    recipe, program, target = job.loaded.recipe, job.source.program, job.plan.target
    probe = make_probe(program, probe_samples(recipe, program), agreement_of(recipe))
    score = scorer(recipe, program)
    started = time.perf_counter()
    baseline = score(program) if score is not None else None
    dump_step = dumper(job.folder) if job.options.is_dumping else None
    instruments = Instruments(probe, score, dump_step, job.options.on_step, _stopping_rule(job, baseline))
    checkpoints = checkpoint_folder() if job.options.is_caching else None
    training = make_training(job.loaded, program, score, checkpoints, job.options.watcher)
    rng, images = np.random.default_rng(recipe.seed), calibration(recipe, program)
    boxes, tensors = scenes(recipe, program), tensor_reader(job.loaded.path.parent)
    make = job.backbones.make
    context = Context(target, rng, images, boxes, tensors=tensors, training=training, backbones=make)
    done = run(job.plan, program, context, instruments)
    laps = (load, Lap(name="passes and measurements", seconds=time.perf_counter() - started))
    samples = [*probe_samples(recipe, program), random_sample(program, np.random.default_rng(recipe.seed))]
    tolerance = target.test_tolerance["fp32"]
    test = choose_self_test(done.program, [as_declared(item, done.program) for item in samples], tolerance)
    told = [
        *job.source.findings,
        *unsteady_finding(test, tolerance),
        *packed_finding(done.program, job.emitter, target),
    ]
    findings = gather_findings(job.loaded, told, target, done, measured=score is not None)
    if has_errors(findings):
        raise CompressError(*findings)
    if not is_leader():
        return None
    report = _report(job, done, (baseline, done.accuracy or baseline), findings, laps)
    return _emit(job, done.program, test, report, findings)


def _stopping_rule(job: _Job, baseline: dict[str, float] | None) -> Callable[[Run], bool] | None:
    """Make the test for whether the budget is met, if the recipe wants to stop at that."""
    budget = job.loaded.recipe.budget
    if not budget.stop_when_met:
        return None

    def is_enough(done: Run) -> bool:
        size = len(job.emitter.model(done.program)) if budget.artifact_mb is not None else 0
        accuracy = _accuracy(job, baseline, done.accuracy or baseline)
        return is_met(budget_lines(job.loaded, done.costs, done.reports, accuracy, size))

    return is_enough


def _accuracy(job: _Job, before: _Metrics, after: _Metrics) -> Accuracy:
    """Pick the recipe's metric out of what was measured."""
    evaluate = job.loaded.recipe.evaluate
    metric = "" if evaluate is None else evaluate.metric
    return Accuracy(metric, (before or {}).get(metric), (after or {}).get(metric))


def _report(
    job: _Job,
    done: Run,
    accuracy: tuple[dict[str, float] | None, dict[str, float] | None],
    findings: Sequence[Diagnostic],
    laps: tuple[Lap, ...],
) -> BuildReport:
    """Gather what is known before anything is emitted; accuracy is before and after."""
    loaded, target = job.loaded, job.plan.target
    before, after = costs(job.source.program, target), done.costs
    recipe, data = recipe_digest(loaded, job.options.sets), data_digest(loaded.recipe)
    digests = Digests(recipe=recipe, model=digest(job.source.program), data=data)
    return BuildReport(
        product=loaded.recipe.product,
        target=target.name,
        tool=Tool(version=tool_version(), libraries=library_versions()),
        digests=digests,
        source=Measured(
            **before.model_dump(),
            predictions=_predicted(job.source.program, target.cost),
            accuracy=_figures(accuracy[0]),
        ),
        passes=tuple(done.reports),
        result=Result(
            **after.model_dump(),
            predictions=_predicted(done.program, target.cost),
            accuracy=_figures(accuracy[1]),
            left_out=tuple(step.title for step in done.left_out),
        ),
        findings=tuple(to_finding(item, loaded.path.parent) for item in findings),
        timing=Timing(total_seconds=sum(lap.seconds for lap in laps), stages=laps, passes=tuple(done.laps)),
    )


def _predicted(program: Program, model: CostModel) -> tuple[Predicted, ...]:
    """Predict the latency as the report states it."""
    return tuple(Predicted(**asdict(item)) for item in predictions(program, model))


def _emit(job: _Job, program: Program, test: SelfTest, report: BuildReport, findings: list[Diagnostic]) -> Outcome:
    """Write the artifact and its reports, all or nothing."""
    recipe = job.loaded.recipe
    name = image_input(program)
    preprocess = settings_for(recipe, program, name).model_dump(mode="json") if name is not None else {}
    versions = {"compress": tool_version(), **library_versions()}
    emission = Emission(recipe.product, program, job.plan.target, preprocess, test.inputs, test.outputs, versions)
    finished: list[BuildReport] = []

    def fill(draft: Path) -> None:
        job.emitter.emit(emission, draft)
        (draft / "recipe.yaml").write_bytes(recipe_text(job.loaded, job.options.sets))
        finished.append(_with_artifact(job, report, draft, reseal(draft)))
        write_reports(finished[0], draft)

    write_artifact(job.folder, fill)
    missed = budget_findings(job.loaded, list(finished[0].result.budget))
    return Outcome(job.folder, finished[0], (*findings, *missed))


def _with_artifact(job: _Job, report: BuildReport, draft: Path, manifest: Manifest) -> BuildReport:
    """Complete a report with the files that were written and with the budget's verdict."""
    loaded = job.loaded
    accuracy = _accuracy(job, report.source.accuracy, report.result.accuracy)
    lines = budget_lines(loaded, report.result, report.passes, accuracy, (draft / MODEL).stat().st_size)
    missed = tuple(to_finding(item, loaded.path.parent) for item in budget_findings(loaded, lines))
    listing = "".join(f"{name}\0{sha}\n" for name, sha in sorted(manifest.files.items()))
    artifact = Artifact(
        runtime=job.plan.target.runtime,
        files=dict(manifest.files),
        run=tuple(command for command in _COMMANDS if command.split()[-1].removeprefix("./") in manifest.files),
    )
    return report.model_copy(
        update={
            "digests": report.digests.model_copy(update={"artifact": hashlib.sha256(listing.encode()).hexdigest()}),
            "result": report.result.model_copy(update={"budget": tuple(lines)}),
            "findings": (*report.findings, *missed),
            "artifact": artifact,
        }
    )


_COMMANDS = ("./build_engine.sh", "./bench.sh", "python3 infer.py", "./run.sh")
"""How the files of a kit are run on the board, in order."""


def _figures(accuracy: dict[str, float] | None) -> dict[str, float | None] | None:
    return None if accuracy is None else dict(accuracy)
