"""The pipeline: carry a plan out, step by step, and verify, cost, compare and record each step."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from compiler.analysis.cost import cost
from compiler.codes.plan import BROKEN_PROGRAM, CHANGED_NOTHING, MADE_WORSE, NOT_EXACT, NOT_FASTER
from compiler.contracts import Context, Decision, Effect, Log
from compiler.diagnostic import CompressError, Diagnostic, Severity
from compiler.fidelity import Probe
from compiler.ir import Program, ProgramView, settle
from compiler.plan import Plan, Step
from compiler.reference import RefusedError
from compiler.report.model import Costs, Fidelity, Lap, LayerChange, PassReport, SkippedLayer
from compiler.rewrites.emulate_half import emulated
from compiler.target import Target

_EXACT, _EXACT_HALF = 2e-5, 2e-3
"""Largest change of an output, as a share of its range, by an exact pass; and where layers round to 16 bits."""

_BLURS = 10
"""How much further than rounding alone an exact pass may move an output."""

_MUCH_WORK, _LITTLE_TIME, _LITTLE_HARM = 0.1, 0.02, 0.005
"""Shares of work and time: when that much goes and less than that is gained, the user should know."""

Score = Callable[[Program], dict[str, float]]
Dump = Callable[[int, str, Program], None]


@dataclass
class Run:
    """What came of a plan."""

    program: Program
    costs: Costs
    shapes: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict[str, tuple[str, tuple[int, ...]]])
    """Of every layer that has a weight: its operator, and the weight's shape."""
    reports: list[PassReport] = field(default_factory=list[PassReport])
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])
    laps: list[Lap] = field(default_factory=list[Lap])
    accuracy: dict[str, float] | None = None
    left_out: list[Step] = field(default_factory=list[Step])
    """Steps of the recipe that were not needed any more."""
    left: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """For layers that lost filters: which of the source's are left."""


@dataclass(frozen=True)
class Instruments:
    """What a run measures with; without any it only rewrites, as lint does."""

    probe: Probe | None = None
    score: Score | None = None
    dump: Dump | None = None
    on_step: Callable[[str], None] | None = None
    is_enough: Callable[["Run"], bool] | None = None
    """Tells whether what was done so far meets the recipe's budget, so that the rest of its passes can be left out."""


def run(plan: Plan, program: Program, context: Context, instruments: Instruments) -> Run:
    """Carry out a plan on a copy of a program. Raises CompressError when a pass refuses or breaks something."""
    done = Run(program.clone(), costs(program, plan.target), _weight_shapes(program), findings=list(plan.findings))
    origins: dict[int, Program] = {}
    for index, step in enumerate(plan.steps):
        if not step.is_clean_up and instruments.is_enough is not None and instruments.is_enough(done):
            done.left_out.append(step)
            continue
        if instruments.on_step is not None and not step.is_clean_up:
            instruments.on_step(step.title)
        started = time.perf_counter()
        report = _run_step(step, done, _in_turn(step, context, done, origins), instruments)
        if report.changed and instruments.dump is not None:
            instruments.dump(index, report.name, done.program)
        if not step.is_clean_up or report.changed:
            done.reports.append(report)
            done.laps.append(Lap(name=report.name, seconds=time.perf_counter() - started))
    return done


def costs(program: ProgramView, target: Target) -> Costs:
    """Cost a program as the report states it."""
    found = cost(program, target.cost)
    return Costs(
        parameters=found.parameters,
        macs=found.macs,
        executed_macs=found.executed_macs,
        bytes=found.bytes,
        predicted_ms=found.predicted_ms,
    )


def _in_turn(step: Step, context: Context, done: Run, origins: dict[int, Program]) -> Context:
    """Tell a step what earlier ones left, and one of a `repeat` how far along it is, and from where it set out."""
    if context.training is not None:
        context = replace(context, training=replace(context.training, kept=dict(done.left)))
    if step.round is None:
        return context
    if step.round.place not in origins:
        origins[step.round.place] = done.program.clone()
    return replace(context, way=step.round.way, origin=origins[step.round.place])


def _run_step(step: Step, done: Run, context: Context, instruments: Instruments) -> PassReport:
    """Decide, rewrite, verify and measure one step."""
    todo, program, log = step.todo, done.program, Log()
    refusals = list(todo.check(program, context.target))
    if refusals:
        raise CompressError(*(replace(item, span=item.span or step.span) for item in refusals))
    before, shapes = done.costs, done.shapes
    decision = _decide(step, program, context)
    if decision is not None:
        _note_filters(done.left, decision.filters_left())
    pictures = () if instruments.probe is None else tuple(todo.illustrate(program, decision, context))
    program.clear_journal()
    todo.rewrite(program, decision, log)
    changed = tuple(dict.fromkeys(edit.layer or "(network)" for edit in program.journal))
    if changed:
        _check_sound(step, program)
        done.costs = costs(program, context.target)
        done.shapes = _weight_shapes(program)
    fidelity, accuracy = _measure(step, done, instruments) if changed else (None, None)
    # Notes of passes are about what was measured; lint measures nothing.
    told = [item for item in log.findings if instruments.probe is not None or item.severity is not Severity.NOTE]
    findings = [replace(item, span=item.span or step.span) for item in (*log.forecasts, *told)]
    if not context.is_stand_in or (todo.is_structural and not log.is_unseen):
        findings += _judge(step, changed, log, before, done.costs)
    done.findings += findings
    return PassReport(
        name=todo.slug(),
        round=None if step.round is None else step.round.number,
        options=todo.model_dump(mode="json", exclude_defaults=True),
        decision=None if decision is None else decision.model_dump(mode="json"),
        effect=todo.effect,
        changed=changed,
        skipped=tuple(SkippedLayer(layer=skip.layer, why=skip.why) for skip in log.skipped),
        before=before,
        after=done.costs,
        fidelity=fidelity,
        accuracy=accuracy,
        layers=_shape_changes(shapes, done.shapes) if changed else (),
        pictures=pictures,
    )


def _note_filters(left: dict[str, tuple[int, ...]], kept: Mapping[str, tuple[int, ...]]) -> None:
    """Note which of the source's filters are left; a choice counts those that it found."""
    for layer, indices in kept.items():
        before = left.get(layer)
        left[layer] = indices if before is None else tuple(before[index] for index in indices)


def _decide(step: Step, program: Program, context: Context) -> Decision | None:
    """Let a pass decide; what it lacks is said at the recipe's line."""
    try:
        return step.todo.decide(program, context)
    except CompressError as error:
        raise CompressError(*(replace(item, span=item.span or step.span) for item in error.diagnostics)) from error


def _check_sound(step: Step, program: Program) -> None:
    """Bring types up to date and verify. Raises CompressError naming the pass."""
    problems = settle(program)
    if not problems:
        return
    said = f"{step.todo.slug()} broke the network: {problems[0]}"
    advice = "leave the pass out, or skip the layer, and report this with the model's `compress inspect` output"
    raise CompressError(Diagnostic(BROKEN_PROGRAM, said, advice, step.span))


def _measure(step: Step, done: Run, instruments: Instruments) -> tuple[Fidelity | None, dict[str, float | None] | None]:
    """Compare with the source network and score, if there is anything to do it with."""
    if instruments.probe is None:
        return None, None
    half = emulated(done.program)
    try:
        outputs = instruments.probe.outputs(done.program)
        seen = outputs if half is None else instruments.probe.outputs(half)
    except RefusedError as error:
        said = f"{step.todo.slug()} made a network that ONNX Runtime cannot run: {error}"
        raise CompressError(
            Diagnostic(BROKEN_PROGRAM, said, "leave the pass out, and report this", step.span)
        ) from error
    moved, found = instruments.probe.step(outputs), instruments.probe.compare(seen)
    # Where rounding alone moves the outputs that far, as in a detector that finds nothing, nothing can be told.
    if (
        step.todo.effect is Effect.EXACT
        and moved.relative_error > (_EXACT_HALF if _computes_in_half(done.program) else _EXACT)
        and moved.relative_error > _BLURS * instruments.probe.blur(done.program, outputs)
    ):
        said = f"{step.todo.slug()} promises exact outputs and moved one by {moved.relative_error:.2g} of its range"
        raise CompressError(Diagnostic(NOT_EXACT, said, "report this with the model", step.span))
    fidelity = Fidelity(
        sqnr_db=found.sqnr_db, max_abs_error=found.max_abs_error, cosine=found.cosine, agreement=found.agreement
    )
    if instruments.score is None or step.todo.effect is Effect.EXACT:
        return fidelity, None
    if moved.max_abs_error > 0 or half is not None or done.accuracy is None:
        done.accuracy = instruments.score(done.program if half is None else half)
    return fidelity, dict(done.accuracy)


def _computes_in_half(program: ProgramView) -> bool:
    """Tell whether a layer rounds its results to 16 bits; weights that are only stored so are widened by a Cast."""
    return any(
        op.op_type != "Cast" and any(name and program.type(name).dtype == np.float16 for name in op.outputs)
        for op in program.each()
    )


def _judge(step: Step, changed: tuple[str, ...], log: Log, before: Costs, after: Costs) -> list[Diagnostic]:
    """Find passes of the recipe that did nothing, did harm, or made the network smaller but not faster."""
    if step.is_clean_up:
        return []
    name = step.todo.slug()
    if not changed:
        said = f"{name} changed nothing"
        for why, count in Counter(skip.why for skip in log.skipped).most_common(1):
            said += f"; it left {count} {'layer' if count == 1 else 'layers'} alone because {why}"
        return [Diagnostic(CHANGED_NOTHING, said, "remove the pass, or check its options", step.span)]
    figures = (
        ("parameters", before.parameters, after.parameters, ",d"),
        ("bytes", before.bytes, after.bytes, ",d"),
        ("predicted ms", before.predicted_ms or 0.0, after.predicted_ms or 0.0, ",.4g"),
    )
    worse = [
        f"{title} from {old:{form}} to {new:{form}}"
        for title, old, new, form in figures
        if _fall(old, new) < -_LITTLE_HARM
    ]
    if worse:
        advice = "leave the pass out, or allow this and say why"
        return [Diagnostic(MADE_WORSE, f"{name} raised {' and '.join(worse)}", advice, step.span)]
    fewer, faster = (
        _fall(before.executed_macs, after.executed_macs),
        _fall(before.predicted_ms or 0.0, after.predicted_ms or 0.0),
    )
    if fewer >= _MUCH_WORK and faster < _LITTLE_TIME:
        said = f"{name} removed {fewer:.0%} of the work but only {faster:.1%} of the predicted time"
        advice = "the layers are bound by their launch; `compress inspect --target` shows which, and fewer layers help"
        return [Diagnostic(NOT_FASTER, said, advice, step.span)]
    return []


def _fall(before: float, after: float) -> float:
    """Tell by what share a figure fell."""
    if not before:
        return float("-inf") if after else 0.0
    return 1 - after / before


def _weight_shapes(program: ProgramView) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Note the weight's shape of every layer that has one."""
    kinds = ("Conv", "ConvTranspose", "Gemm", "MatMul")
    ops = (op for op in program.each() if op.op_type in kinds and not op.domain)
    return {op.name: (op.op_type, shape) for op in ops if (shape := program.shape(op.input(1))) is not None}


def _shape_changes(
    before: Mapping[str, tuple[str, tuple[int, ...]]], after: Mapping[str, tuple[str, tuple[int, ...]]]
) -> tuple[LayerChange, ...]:
    """List the layers whose weights changed shape, appeared or went."""
    changes: list[LayerChange] = []
    for layer in dict.fromkeys((*before, *after)):
        old, new = before.get(layer), after.get(layer)
        if old != new:
            op_type = (new or old or ("", ()))[0]
            changes.append(
                LayerChange(
                    layer=layer,
                    op_type=op_type,
                    before=None if old is None else old[1],
                    after=None if new is None else new[1],
                )
            )
    return tuple(changes)
