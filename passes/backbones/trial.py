"""How accurate a candidate becomes after a short distillation."""

from collections.abc import Iterator
from dataclasses import replace

from compiler.codes.passes import CANDIDATES_UNJUDGED
from compiler.diagnostic import Diagnostic
from compiler.ir import Program
from compiler.training.checks import recipe_faults
from compiler.training.options import TrainingOptions
from compiler.training.setup import Training


def trial_options(epochs: int) -> TrainingOptions:
    """Train as `finetune` does: at the rate that trained the source, which teaches; no label is used."""
    return TrainingOptions(epochs=epochs, learning_rate="1x", loss="none")


def trial_faults(training: Training | None, epochs: int, *, is_stand_in: bool) -> Iterator[Diagnostic]:
    """Yield what is missing to try candidates out."""
    if training is None:
        yield Diagnostic(CANDIDATES_UNJUDGED, "there is nothing here to train candidates with")
        return
    yield from recipe_faults(trial_options(epochs), training)
    if not is_stand_in and (training.score is None or not training.metric):
        advice = "add `data: {validation: ...}` and `evaluate`, or leave out `trial_epochs`"
        yield Diagnostic(CANDIDATES_UNJUDGED, "there is nothing to measure the candidates by", advice)


def distilled_accuracy(program: Program, training: Training, epochs: int, seed: int) -> float:
    """Train a candidate for so many epochs and return its accuracy after the best of them.

    What it scores untrained, by the fit alone, does not count: it says nothing of what training makes of it.
    """
    from compiler.training.train import train

    done = train(program, replace(training, checkpoints=None), trial_options(epochs), seed)
    return max(line.metrics[training.metric] for line in done.lines[1:])
