"""The loop: epochs of steps, each epoch measured, kept if it is the best, and written to a checkpoint."""

import contextlib
import math
import warnings
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import fx, nn

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.user_code import repeatable
from compiler.training.average import Average
from compiler.training.batches import Batch, Schedule, batches
from compiler.training.codes import NOT_FINITE
from compiler.training.fleet import Fleet
from compiler.training.network import State, keep_zeros, load_state, state_of
from compiler.training.objective import Objective
from compiler.training.optimiser import rate_at, set_rate, shorten
from compiler.training.options import TrainingOptions
from compiler.training.setup import EpochLine, Examples, Watcher

Measure = Callable[[State], Mapping[str, float]]


@dataclass
class History:
    """What a training has come to so far; all of it goes into a checkpoint."""

    lines: list[EpochLine] = field(default_factory=list[EpochLine])
    best: int = 0
    best_state: State = field(default_factory=dict[str, torch.Tensor])

    def add(self, line: EpochLine, state: State, metric: str, keep: str) -> None:
        """Note an epoch. Of equal figures the later epoch's counts: it has seen more."""
        self.lines.append(line)
        best = self.lines[self.best].metrics.get(metric, -math.inf)
        if keep == "last" or line.metrics.get(metric, math.inf) >= best:
            self.best, self.best_state = line.epoch, state

    def is_stale(self, patience: int | None) -> bool:
        """Tell whether it is long since an epoch was the best."""
        return patience is not None and self.lines[-1].epoch - self.best >= patience


@dataclass(frozen=True, eq=False)
class Trainer:
    """All that an epoch needs."""

    module: fx.GraphModule
    joined: nn.Module
    """The same module, wrapped where several processes train together, and where images go through one at a time."""
    is_apart: bool
    optimiser: torch.optim.Optimizer
    average: Average | None
    scaler: torch.amp.GradScaler
    precision: torch.dtype | None
    objective: Objective
    examples: Examples
    schedule: Schedule
    options: TrainingOptions
    rate: float
    fleet: Fleet
    input_names: tuple[str, ...]
    watcher: Watcher
    masks: Mapping[str, torch.Tensor]
    """Zeros and ones by key, for weights whose zeros are to stay."""

    def run(self, history: History, measure: Measure, save: Callable[[dict[str, object]], None]) -> None:
        """Train from where the history ends. Raises CompressError when the loss is not finite."""
        for epoch in range(len(history.lines), self.options.epochs + 1):
            if history.is_stale(self.options.patience):
                return
            with repeatable(_epoch_seed(self.schedule.seed, epoch)):
                loss = self._epoch(epoch)
            state = self.state()
            metrics = measure(state)
            rate = self._rate(epoch, self.schedule.steps - 1)
            line = EpochLine(epoch, loss, rate, metrics)
            history.add(line, state, next(iter(metrics), ""), self.options.keep)
            save(self.checkpoint(history))
            self.watcher.epoch(line)

    def state(self) -> State:
        """Copy the weights that would be taken now: the smoothed ones, where they are smoothed."""
        now = state_of(self.module)
        return now if self.average is None else {key: self.average.values[key].cpu().clone() for key in now}

    def checkpoint(self, history: History) -> dict[str, object]:
        """Gather what going on needs."""
        return {
            "module": state_of(self.module),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.state(),
            "lines": [[line.epoch, line.loss, line.rate, dict(line.metrics)] for line in history.lines],
            "best": history.best,
            "best_state": history.best_state,
        }

    def resume(self, found: Mapping[str, Any], history: History) -> None:
        """Set everything to where a checkpoint was made."""
        load_state(self.module, found["module"])
        self.optimiser.load_state_dict(cast("dict[str, Any]", found["optimiser"]))
        self.scaler.load_state_dict(found["scaler"])
        if self.average is not None:
            self.average.load(found["average"]["steps"], found["average"]["values"])
        history.lines[:] = [EpochLine(*line) for line in found["lines"]]
        history.best, history.best_state = found["best"], dict(found["best_state"])

    def _epoch(self, epoch: int) -> float:
        """Go through the images once; return the mean loss over the steps."""
        self.module.train()
        total, steps = 0.0, self.schedule.steps
        stream = batches(self.examples, self.schedule, epoch, self.input_names, self.options.workers)
        for number, batch in enumerate(stream):
            set_rate(self.optimiser, self._rate(epoch, number))
            loss = self._step(batch.to(self.fleet.device))
            if not math.isfinite(loss):
                raise CompressError(_not_finite(loss, epoch, number, steps, self._rate(epoch, number)))
            total += loss
            self.watcher.batch(epoch, number + 1, total / (number + 1))
        return total / steps

    def _step(self, batch: Batch) -> float:
        """Take one step down the gradient; return the loss before it."""
        answer = None
        with self._narrow():
            if self.objective.teacher is not None:
                answer = self.objective.teacher.answer(batch)
            outputs = self.joined(*batch.inputs)
        loss = self.objective(outputs, answer, batch)
        found = float(self.fleet.mean(loss.detach()))
        if not math.isfinite(found):
            return found
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        shorten(self.optimiser, self.options.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        keep_zeros(self.module, self.masks)
        if self.average is not None:
            self.average.update(self.module)
        return found

    def _narrow(self) -> contextlib.AbstractContextManager[object]:
        """Compute in half precision, where asked for."""
        if self.precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.fleet.device.type, self.precision)

    def _rate(self, epoch: int, number: int) -> float:
        return rate_at((epoch - 1) * self.schedule.steps + number, self.schedule.steps, self.options, self.rate)


@contextlib.contextmanager
def repeatable_kernels(device: torch.device) -> Generator[None]:
    """Let torch choose kernels that give the same bytes each time, as far as the device has them."""
    before = torch.are_deterministic_algorithms_enabled()
    is_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True, warn_only=device.type != "cpu")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deterministic.*")
            yield
    finally:
        torch.use_deterministic_algorithms(mode=before, warn_only=is_warning)


def _epoch_seed(seed: int, epoch: int) -> int:
    return (seed * 1_000_003 + epoch) % 2**32


def _not_finite(loss: float, epoch: int, number: int, steps: int, rate: float) -> Diagnostic:
    said = f"the loss is {loss} in epoch {epoch}, batch {number + 1} of {steps}, at a learning rate of {rate:.3g}"
    advice = "divide `learning_rate` by 10, or lengthen `warmup`; if that does not help, look at the images and labels"
    return Diagnostic(NOT_FINITE, said, advice)
