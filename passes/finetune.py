"""Retrain the network as it is now, with the source network as teacher, labels, or both."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import ConfigDict, Field

from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView
from compiler.rewrites.equalize import equalize
from compiler.rewrites.write_values import Value, write_values
from compiler.target import Target
from compiler.training.checks import integer_faults, match_faults, network_faults, recipe_faults
from compiler.training.codes import NO_GAIN, ONE_BY_ONE, RATE_UNKNOWN
from compiler.training.options import USUAL_RATE, TrainingOptions
from compiler.training.setup import EpochLine, Training

if TYPE_CHECKING:
    from compiler.training.train import Trained


class Epoch(Decision):
    """How far training was at the end of an epoch; epoch 0 is before it."""

    epoch: int
    loss: float | None = None
    learning_rate: float | None = None
    metrics: dict[str, float] = {}


class Retrained(Decision):
    """How training went, and the values that came of it; those are not part of the report."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    learning_rate: float
    loss: str | None
    teacher: str
    images: int
    history: tuple[Epoch, ...]
    best_epoch: int
    sha256: str
    values: Annotated[tuple[Value, ...], Field(exclude=True, repr=False)] = ()
    notes: Annotated[tuple[Diagnostic, ...], Field(exclude=True, repr=False)] = ()


class Finetune(TrainingOptions, Pass):
    """Retrain the network as it is now, with the source network as teacher, labels, or both.

    `teacher: source` makes the outputs come close to those of the recipe's own source network, before any pass, on the
    images of `data.train`, or else of `data.calibration`; they need no labels. The distance is the mean over
    outputs of mean((s - t)^2) / variance(t), so outputs of different scale weigh the same. Raw YOLO heads
    (`evaluate: {decode: yolo}`) are compared as detections: objectness as a probability, boxes and classes in
    proportion to it. `match` adds layers or tensors inside; of those that were pruned, the channels left count.

    `loss` compares with labels: `classification` (cross entropy), `detection` (raw YOLO heads: CIoU, objectness
    and classes, boxes given to cells as in YOLOv5 and YOLOv7), `keypoints` (mean squared error on heat maps), or
    `file.py:function`, which is called with the outputs by name and the batch and returns one number. With both, the
    objective is teacher_weight * distance + loss_weight * loss.

    A rate of `0.1x` is a tenth of `model: {learning_rate: ...}`, what trained the source; if the recipe does not say,
    of the optimiser's usual rate (adamw 0.001, sgd 0.01). After each epoch the network is measured in ONNX Runtime
    on the validation images, if there are any, and the best epoch's weights are taken; if none is better
    than the network was before, it stays as it was. A figure that was used to choose an epoch is a little too good:
    keep other images for a last judgement.

    `fake_quantize: int8` trains for a `ptq` behind it: weights and activations are rounded as the target's integers
    will be, each activation over the batch's own range, while gradients pass as if nothing were rounded. Epochs are
    then judged in integers too. Where one scale has to do for a whole layer, filters of neighbouring layers are evened
    out before, as `ptq` does it, which changes no output. Fold BatchNormalization first.

    Only values change, never the structure, and weights that `weight-prune` set to zero stay zero. The same recipe
    gives the same bytes on the same machine with the same number of threads. After each epoch a checkpoint is kept;
    a build that was interrupted goes on from there and ends with the same weights.
    """

    effect = Effect.LOSSY
    is_structural: ClassVar[bool] = False
    spoilt_by: ClassVar[Mapping[str, str]] = {"integers": "weights that are stored as integers cannot be trained"}
    comes_before: ClassVar[Mapping[str, str]] = {
        "fp16": "training sees the network in full precision, not what the target makes of it",
    }

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Refuse a network whose weights cannot be trained any more, and integers that the target does not have."""
        yield from network_faults(program)
        if self.fake_quantize == "int8":
            yield from integer_faults(self, program, target)

    def decide(self, program: ProgramView, context: Context) -> Retrained | None:
        """Train; on the lint path only look whether everything is there that training needs."""
        training = context.training
        if training is None:
            return None
        faults = [*recipe_faults(self, training)]
        if self.teacher == "source":
            faults += match_faults(self.match, program, training.teacher)
        if faults:
            raise CompressError(*faults)
        entry = context.target.precisions.get("int8")
        training = replace(training, scheme=None if entry is None else entry.scheme)
        if context.is_stand_in:
            return None
        return self._train(program, training, int(context.rng.integers(2**63)))

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Give the layers the values that training found."""
        if not isinstance(decision, Retrained):
            log.skip("(network)", "nothing was trained: there are no images here")
            return
        for note in decision.notes:
            log.find(note)
        write_values(program, decision.values)

    def _train(self, program: ProgramView, training: Training, seed: int) -> Retrained:
        """Run the training and put its course into the decision."""
        from compiler.training.train import train

        assert isinstance(program, Program)
        options = TrainingOptions.model_validate(self.model_dump())
        scheme = training.scheme
        if self.fake_quantize == "int8" and scheme is not None and not scheme.per_channel:
            program = program.clone()
            equalize(program)  # steps of an optimiser are alike for all weights: small filters would not cross a step
        done = train(program, training, options, seed)
        return Retrained(
            learning_rate=done.rate,
            loss=done.loss,
            teacher=self.teacher,
            images=done.images,
            history=tuple(map(_epoch, done.lines)),
            best_epoch=done.best,
            sha256=done.sha256,
            values=done.values,
            notes=tuple(self._notes(training, done)),
        )

    def _notes(self, training: Training, done: "Trained") -> Iterator[Diagnostic]:
        """Say what the user should know about the training."""
        if done.is_apart:
            said = "images went through the network one at a time, as its export fixed the batch at one"
            yield Diagnostic(ONE_BY_ONE, said, "export it with an open batch size if that takes too long")
        if isinstance(self.learning_rate, str) and training.facts.source_rate is None:
            usual = USUAL_RATE[self.optimizer]
            said = f"{self.learning_rate} is taken of {self.optimizer}'s usual rate of {usual:g}"
            yield Diagnostic(RATE_UNKNOWN, said, "state what trained the source: `model: {learning_rate: ...}`")
        if done.best == 0:
            said = f"none of {len(done.lines) - 1} epochs was better than the network before, which stays as it was"
            yield Diagnostic(NO_GAIN, said, "more images, more epochs, or another `learning_rate`")


def _epoch(line: EpochLine) -> Epoch:
    """Round what is told about an epoch."""
    if line.epoch == 0:
        return Epoch(epoch=0, metrics=_rounded(line))
    return Epoch(
        epoch=line.epoch,
        loss=float(f"{line.loss:.6g}"),
        learning_rate=float(f"{line.rate:.6g}"),
        metrics=_rounded(line),
    )


def _rounded(line: EpochLine) -> dict[str, float]:
    return {name: round(value, 6) for name, value in line.metrics.items()}
