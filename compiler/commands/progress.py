"""How a build shows what it is doing: a spinner and a training bar on a terminal, quiet lines elsewhere."""

import contextlib
import sys
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from compiler.training.launch import is_leader
from compiler.training.quiet import Quiet
from compiler.training.setup import EpochLine, Watcher

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


class Display(Watcher, Protocol):
    """Shows which step is at work, and how a training gets on."""

    def step(self, name: str) -> None:
        """Say that a step begins."""
        ...

    def rest(self) -> None:
        """Make room for other output."""
        ...


class _Terminal:
    """A spinner on a terminal's error stream, and a bar while a network is trained."""

    def __init__(self, console: "Console", status: "Status") -> None:
        self._console, self._status = console, status
        self._bar: Any = None
        self._task: Any = None
        self._batches, self._epochs, self._said = 1, 1, ""

    def step(self, name: str) -> None:
        """Turn, with the step's name beside."""
        self._status.update(f"running {name}")
        self._status.start()

    def rest(self) -> None:
        """Vanish until the next step."""
        self._status.stop()

    def begin(self, epochs: int, batches: int, done: int, note: str) -> None:
        """Put the bar in the spinner's place."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._status.stop()
        if note:
            self._console.print(note)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
        )
        self._epochs, self._batches, self._said = epochs, batches, ""
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("retraining", total=epochs * batches, completed=done * batches, said="")
        self._bar.start()

    def batch(self, epoch: int, number: int, loss: float) -> None:
        """Move the bar."""
        said = f"loss {loss:.4g}{self._said}"
        done = (epoch - 1) * self._batches + number
        self._bar.update(self._task, completed=done, description=f"epoch {epoch} of {self._epochs}", said=said)

    def epoch(self, line: EpochLine) -> None:
        """Remember the figures of the last epoch."""
        self._said = _figures(line.metrics)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._status.start()


class _Lines:
    """A quiet line per step and per epoch, for logs."""

    def __init__(self) -> None:
        self._epochs = 1

    def step(self, name: str) -> None:
        """Write the line."""
        _write(f"running {name}")

    def rest(self) -> None:
        """Do nothing: lines are in nobody's way."""

    def begin(self, epochs: int, batches: int, done: int, note: str) -> None:
        """Write where training goes on from, if it does."""
        del batches, done
        self._epochs = epochs
        if note:
            _write(f"  {note}")

    def batch(self, epoch: int, number: int, loss: float) -> None:
        """Do nothing: a log wants no line for each batch."""

    def epoch(self, line: EpochLine) -> None:
        """Write the line."""
        _write(f"  epoch {line.epoch} of {self._epochs}: loss {line.loss:.4g}{_figures(line.metrics)}")

    def end(self) -> None:
        """Do nothing."""


class _Silence(Quiet):
    """Shows nothing: of several processes that train together, the first one speaks."""

    def step(self, name: str) -> None:
        """Ignore a step."""

    def rest(self) -> None:
        """Ignore other output."""


@contextlib.contextmanager
def display() -> Generator[Display]:
    """Show the step at work in the way that suits where the errors go."""
    from rich.console import Console

    if not is_leader():
        yield _Silence()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with console.status("loading the network") as status:
        yield _Terminal(console, status)


def _figures(metrics: Mapping[str, float]) -> str:
    return "".join(f", {name} {value:.4f}" for name, value in metrics.items())


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
