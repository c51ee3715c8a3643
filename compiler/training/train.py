"""Train: a program, what it is trained with, and the options in; better values and how they came about out."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView, digest
from compiler.lowering import lowered
from compiler.rewrites.quantize_plainly import quantized_plainly
from compiler.rewrites.write_values import Value
from compiler.training.average import Average
from compiler.training.batches import Batch, Schedule, batches
from compiler.training.checkpoint import FORMAT, Checkpoints, key_of
from compiler.training.checks import recipe_faults
from compiler.training.codes import BATCH_NORM_SPLIT, TOO_FEW_IMAGES
from compiler.training.fleet import Fleet, make_fleet
from compiler.training.loop import History, Trainer, repeatable_kernels
from compiler.training.losses.custom import source_digest
from compiler.training.match import find_matches
from compiler.training.network import (
    State,
    decayed_keys,
    lower_for_training,
    lower_student,
    masks_of,
    values_of,
    with_values,
)
from compiler.training.norms import folded, with_norms
from compiler.training.objective import Objective, label_loss
from compiler.training.one_by_one import OneByOne, takes_batches
from compiler.training.optimiser import make_optimiser
from compiler.training.options import LABELS_OF, TrainingOptions
from compiler.training.quiet import Quiet
from compiler.training.setup import EpochLine, Examples, Training
from compiler.training.teacher import make_teacher

_SPREAD_BATCHES = 4
_RANGE_IMAGES = 8
"""Images on which the ranges of tensors are seen when an epoch is judged in integers."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training."""

    lines: tuple[EpochLine, ...]
    """Epoch 0 is the network before."""
    best: int
    """The epoch whose values these are; 0 when no epoch was better than none."""
    values: tuple[Value, ...]
    sha256: str
    """Of all values, to compare two trainings by."""
    rate: float
    loss: str | None
    """The loss on labels, if there was one."""
    device: str
    images: int
    resumed: int | None
    """The epoch after which a checkpoint was taken up."""
    is_apart: bool
    """Whether images went through the network one at a time."""


def train(program: Program, training: Training, options: TrainingOptions, seed: int) -> Trained:
    """Train a copy of a program and return its values. Raises CompressError; nothing is left half-written.

    The same arguments give the same bytes on the same machine with the same number of threads.
    """
    assert training.examples is not None
    fleet = make_fleet(options)
    examples = training.examples()
    training = _with_labels(training, examples, options)
    schedule = Schedule(len(examples), options.batch, options.visits, seed, fleet.rank, fleet.world)
    start = with_norms(program, examples, seed) if options.batchnorm == "reinsert" else program
    _check_shares(schedule, start, options, fleet)
    with repeatable_kernels(fleet.device):
        trainer = _trainer(start, training, options, examples, schedule, fleet)
        store = _store(start, training, options, schedule, fleet)
        done = _run(trainer, start, training, store)
    if start is program:
        return done
    values = folded(with_values(start, done.values), done.values, program) if done.best else ()
    return replace(done, values=values, sha256=_digest(values))


def _with_labels(training: Training, examples: Examples, options: TrainingOptions) -> Training:
    """Go by the labels that the images really carry. Raises CompressError where they are too few."""
    if examples.labels is None:
        return training
    known = replace(training, facts=replace(training.facts, labels=examples.labels))
    faults = list(recipe_faults(options, known))
    if faults:
        raise CompressError(*faults)
    return known


def _run(trainer: Trainer, program: Program, training: Training, store: Checkpoints | None) -> Trained:
    """Take up a checkpoint if there is one, and train to the end."""
    options, fleet, weights = trainer.options, trainer.fleet, lowered(trainer.module).weights
    history = History()

    def measure(state: State) -> Mapping[str, float]:
        if training.score is None:
            return {}
        figures: dict[str, float] = {}
        if fleet.rank == 0:
            found = with_values(program, values_of(weights, state, program))
            figures.update(training.score(_as_deployed(found, trainer, training)))
        return fleet.tell(figures)

    def save(state: dict[str, object]) -> None:
        if store is not None and fleet.rank == 0:
            store.save(state)

    found: dict[str, Any] | None = fleet.tell(store.load() if store is not None and fleet.rank == 0 else None)
    if found is not None:
        trainer.resume(found, history)
        note = f"going on after epoch {history.lines[-1].epoch} of {options.epochs}, from an earlier build's checkpoint"
    else:
        start = trainer.state()
        history.add(EpochLine(0, float("nan"), 0.0, measure(start)), start, training.metric, "last")
        note = ""
    resumed = history.lines[-1].epoch if found is not None else None
    trainer.watcher.begin(options.epochs, trainer.schedule.steps, len(history.lines) - 1, note)
    try:
        trainer.run(history, measure, save)
    finally:
        trainer.watcher.end()
    best = history.best
    values = values_of(weights, history.best_state, program)
    name = options.loss_name(training.facts.labels, training.facts.decode)
    return Trained(
        tuple(history.lines), best, values, _digest(values), trainer.rate, name, str(fleet.device),
        trainer.schedule.images, resumed, trainer.is_apart,
    )  # fmt: skip


def _trainer(  # noqa: PLR0913, PLR0917 - what a training is made of
    program: Program, training: Training, options: TrainingOptions, examples: Examples, schedule: Schedule, fleet: Fleet
) -> Trainer:
    """Put the student, the teacher, the optimiser and the data together."""
    matches = find_matches(options.match, program, training.teacher, training.kept)
    extra = tuple(match.tensor for match in matches)
    scheme = training.scheme if options.fake_quantize == "int8" else None
    names = tuple(program.inputs)
    first = _first_batches(examples, schedule, names, fleet)
    plain = lower_for_training(program, (), "frozen").to(fleet.device)
    is_apart = not takes_batches(plain, first[0].inputs)
    # One image alone says nothing of a batch's spread.
    module = lower_student(program, extra, "frozen" if is_apart else options.batchnorm, scheme).to(fleet.device)
    rate = options.rate(training.facts.source_rate)
    optimiser = make_optimiser(module.named_parameters(), decayed_keys(module), options, rate)
    teacher = None
    if options.teacher == "source":
        source = lower_for_training(training.teacher, extra, "frozen").to(fleet.device)
        source = source if takes_batches(source, first[0].inputs) else OneByOne(source)
        teacher = make_teacher(source, matches, program, first, training.facts, fleet.mean)
    loss = options.loss_name(training.facts.labels, training.facts.decode)
    on_labels = None if loss is None else label_loss(loss, program, options, training.facts, fleet)
    precision = _precision(options, fleet.device)
    return Trainer(
        module=module,
        joined=fleet.join(OneByOne(module) if is_apart else module),
        is_apart=is_apart,
        optimiser=optimiser,
        average=Average(module, options.ema) if options.ema else None,
        scaler=torch.amp.GradScaler(fleet.device.type, enabled=precision is torch.float16),
        precision=precision,
        objective=Objective(options, teacher, on_labels),
        examples=examples,
        schedule=schedule,
        options=options,
        rate=rate,
        fleet=fleet,
        input_names=names,
        masks=masks_of(program, module),
        watcher=training.watcher if training.watcher is not None and fleet.rank == 0 else Quiet(),
    )


def _as_deployed(program: Program, trainer: Trainer, training: Training) -> Program:
    """Return what an epoch is to be judged by: the network, or in a training for integers the network in integers."""
    if trainer.options.fake_quantize == "off" or training.scheme is None:
        return program
    count = min(_RANGE_IMAGES, len(trainer.examples))
    rng = np.random.default_rng(trainer.schedule.seed)
    return quantized_plainly(
        program, training.scheme, [trainer.examples.example(index, rng).feeds for index in range(count)]
    )


def _first_batches(examples: Examples, schedule: Schedule, names: tuple[str, ...], fleet: Fleet) -> list[Batch]:
    """Read a few batches to measure the teacher's spreads on: the same ones in every process."""
    whole = Schedule(schedule.images, schedule.batch, 1, schedule.seed)
    stream = batches(examples, whole, 0, names)
    return [batch.to(fleet.device) for batch, _ in zip(stream, range(_SPREAD_BATCHES), strict=False)]


def _precision(options: TrainingOptions, device: torch.device) -> torch.dtype | None:
    """Choose what layers compute in; None is 32 bits."""
    chosen = options.mixed_precision
    if chosen == "auto":
        chosen = "fp16" if device.type == "cuda" else "off"
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(chosen)


def _check_shares(schedule: Schedule, program: ProgramView, options: TrainingOptions, fleet: Fleet) -> None:
    """Refuse what several processes cannot share out evenly."""
    if fleet.world == 1:
        return
    if options.batch % fleet.world or schedule.images * options.visits < fleet.world:
        said = f"{fleet.world} processes cannot share batches of {options.batch} out of {schedule.images} images evenly"
        raise CompressError(Diagnostic(TOO_FEW_IMAGES, said, f"make `batch` a multiple of {fleet.world}"))
    has_norms = any(op.op_type == "BatchNormalization" for op in program.each())
    if has_norms and options.batchnorm != "frozen":
        said = f"{fleet.world} processes would each normalise by their own part of the batch"
        raise CompressError(Diagnostic(BATCH_NORM_SPLIT, said, "write `batchnorm: frozen`"))


def _store(
    program: Program, training: Training, options: TrainingOptions, schedule: Schedule, fleet: Fleet
) -> Checkpoints | None:
    """Find the folder for this training's checkpoint."""
    if training.checkpoints is None:
        return None
    loss = options.loss_name(training.facts.labels, training.facts.decode)
    facts = {
        "format": FORMAT,
        "program": digest(program),
        "teacher": digest(training.teacher) if options.teacher == "source" else None,
        "options": options.model_dump(mode="json", exclude={"workers"}),
        "facts": repr(training.facts),
        "scheme": repr(training.scheme) if options.fake_quantize != "off" else None,
        "loss": None if loss is None or loss in LABELS_OF else source_digest(loss, training.facts.folder),
        "kept": {layer: list(kept) for layer, kept in training.kept.items()},
        "data": training.data_digest() if training.data_digest is not None else None,
        "score": training.metric if training.score is not None else None,
        "seed": schedule.seed,
        "world": fleet.world,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if fleet.device.type == "cuda" else platform.processor(),
        "machine": [platform.system(), platform.machine(), platform.python_version()],
        "code": _code_digest(),
        "versions": {name: version(name) for name in ("numpy", "onnxruntime", "pillow", "torch")},
    }
    return Checkpoints(training.checkpoints, key_of(facts))


def _code_digest() -> str:
    """Hash the code that trains: another version of it would not have ended with the same weights."""
    here = Path(__file__).parent
    sha = hashlib.sha256()
    for path in sorted([*here.rglob("*.py"), *here.with_name("lowering").rglob("*.py")]):
        sha.update(f"{path.name}\0".encode() + path.read_bytes())
    return sha.hexdigest()


def _digest(values: tuple[Value, ...]) -> str:
    """Hash all values in order, with their places and shapes."""
    sha = hashlib.sha256()
    for value in values:
        sha.update(f"{value.readers}{value.array.dtype}{value.array.shape}".encode())
        sha.update(value.array.tobytes())
    return sha.hexdigest()
