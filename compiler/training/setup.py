"""What a pass that trains is given: the teacher, the images, the metric, and where checkpoints go. No torch here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array, Program
from compiler.target import QuantScheme


@dataclass(frozen=True, eq=False)
class Example:
    """One prepared image with what is labelled on it; coordinates are pixels of the network's input."""

    feeds: Mapping[str, Array]
    """The network's inputs, each a batch of one."""
    boxes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    """[n, 4]: x1, y1, x2, y2."""
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """[n]: the number of each box's class, counted from 0 as the network does."""
    label: int | None = None
    """The number of the image's class."""
    keypoints: NDArray[np.float64] | None = None
    """[k, 3]: x, y, and 0 where a point is not labelled."""


class Examples(Protocol):
    """Images to train with. The same index and generator state give the same example, in any process."""

    @property
    def labels(self) -> frozenset[str] | None:
        """Which labels occur; None where only reading tells."""
        ...

    def __len__(self) -> int:
        """Count the images."""
        ...

    def example(self, index: int, rng: np.random.Generator) -> Example:
        """Read, augment and prepare one image."""
        ...


@dataclass(frozen=True)
class Facts:
    """What a recipe says about its training before any image is opened; enough for lint."""

    has_images: bool = False
    """Whether there are images at all, labelled or not."""
    labels: frozenset[str] | None = frozenset()
    """Which of "class", "boxes" and "keypoints" the training data may carry; None where only reading tells."""
    decode: str | None = None
    """How `evaluate` reads the outputs."""
    anchors: tuple[tuple[float, ...], ...] = ()
    """Widths and heights in input pixels for each output, finest grid first."""
    output: str | None = None
    """The output that `evaluate` names, where there are several."""
    source_rate: float | None = None
    """The learning rate that trained the source network."""
    folder: Path = Path()
    """Where the recipe stands; a loss of the user's own counts from there."""


@dataclass(frozen=True)
class EpochLine:
    """What is known at the end of an epoch."""

    epoch: int
    loss: float
    rate: float
    metrics: Mapping[str, float]


class Watcher(Protocol):
    """Shows how training gets on."""

    def begin(self, epochs: int, batches: int, done: int, note: str) -> None:
        """Start, after `done` epochs; a note says if training goes on from a checkpoint."""
        ...

    def batch(self, epoch: int, number: int, loss: float) -> None:
        """Note that a batch is through."""
        ...

    def epoch(self, line: EpochLine) -> None:
        """Note that an epoch is through and measured."""
        ...

    def end(self) -> None:
        """Finish, well or not."""
        ...


@dataclass(frozen=True)
class Training:
    """What a pass that trains is given. On the lint path only `facts` and `teacher` mean anything."""

    facts: Facts
    teacher: Program
    """The recipe's source network, before any pass."""
    examples: Callable[[], Examples] | None = None
    """Opens the images: those of `data.train`, else of `data.calibration`."""
    data_digest: Callable[[], str] | None = None
    """Hashes all images and labels that training reads."""
    score: Callable[[Program], Mapping[str, float]] | None = None
    """Measures a program in ONNX Runtime by the recipe's metric; more is better."""
    metric: str = ""
    checkpoints: Path | None = None
    """The folder for checkpoints, or None to keep none."""
    watcher: Watcher | None = None
    scheme: QuantScheme | None = None
    """The target's integers, for a training that is to reckon with them."""
    kept: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    """For layers that lost filters since the source: which of the source's are left."""
