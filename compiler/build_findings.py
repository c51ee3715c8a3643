"""What the user of a build should know: about the network, the passes and the target, less what the recipe allows."""

from collections.abc import Sequence
from dataclasses import replace

from compiler.allow import apply_allow
from compiler.analysis.zeros import ZEROS_KEY
from compiler.check import check_program
from compiler.codes.passes import ZEROS_LEFT_OUT
from compiler.codes.plan import NO_DATA, STOPPED_EARLY, UNTRAINED
from compiler.contracts import Emitter
from compiler.diagnostic import Diagnostic
from compiler.ir import Program, model_bytes
from compiler.pipeline import Run
from compiler.recipe import LoadedRecipe
from compiler.registry import rules
from compiler.target import Target


def gather_findings(
    loaded: LoadedRecipe, source: Sequence[Diagnostic], target: Target, done: Run, *, measured: bool
) -> list[Diagnostic]:
    """Put together what loading the source found, what the passes found, and what the target says to the result."""
    found = list(source)
    if loaded.recipe.model.torch is not None and loaded.recipe.model.checkpoint is None:
        said = f"{loaded.recipe.product} has no checkpoint: its weights are untrained"
        found.append(Diagnostic(UNTRAINED, said, "add `checkpoint` under `model`", loaded.at("model", "torch")))
    if not measured:
        found.append(_why_not_measured(loaded))
    found += [*done.findings, *_left_out(loaded, done), *check_program(done.program, target, rules())]
    kept = apply_allow(loaded, found, [target.name])
    return [replace(item, span=item.span or loaded.at("model")) for item in kept]


def packed_finding(program: Program, emitter: Emitter, target: Target) -> list[Diagnostic]:
    """Say what the model file weighs if the target's kit leaves zeros out of it, and what the runtime makes of them."""
    if ZEROS_KEY not in program.metadata:
        return []
    plain, stored = len(model_bytes(program)), len(emitter.model(program))
    if stored == plain:
        return []
    said = f"model.onnx leaves out weights that are zero: {stored:,} bytes instead of {plain:,}"
    speed = f"the speed stays: {target.zeros.because}"
    return [Diagnostic(ZEROS_LEFT_OUT, f"{said}; they are put back, bit for bit, while it is loaded, and {speed}")]


def _left_out(loaded: LoadedRecipe, done: Run) -> list[Diagnostic]:
    """Say which passes were not needed."""
    if not done.left_out:
        return []
    names = ", ".join(step.title for step in done.left_out)
    said = f"the budget was met before the end of the list, so these passes did not run: {names}"
    place = loaded.at("budget", "stop_when_met")
    return [Diagnostic(STOPPED_EARLY, said, "remove `stop_when_met` to run every pass", place)]


def _why_not_measured(loaded: LoadedRecipe) -> Diagnostic:
    """Say what is missing for a figure of accuracy."""
    if loaded.recipe.data.validation is None or loaded.recipe.evaluate is None:
        advice = "add `data: {validation: ...}` and `evaluate` to the recipe"
        return Diagnostic(NO_DATA, "there is nothing to measure accuracy on", advice, loaded.at("product"))
    said = "accuracy is not measured: the network takes something else than one image of one or three channels"
    advice = "give prepared arrays: `validation: {npz: file}`, or a `python` function with `inputs`"
    return Diagnostic(NO_DATA, said, advice, loaded.at("evaluate"))
