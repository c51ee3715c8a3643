"""Batches: which images a step sees, in an order that a seed and an epoch decide, and their tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from compiler.training.setup import Example, Examples


@dataclass(frozen=True, eq=False)
class Batch:
    """The inputs of a step with what is labelled on them; coordinates are pixels of the network's input."""

    inputs: tuple[Tensor, ...]
    boxes: Tensor
    """[m, 6]: place of the image in the batch, class, x1, y1, x2, y2."""
    labels: Tensor
    """[n]: classes of the images; -1 where there is none."""
    keypoints: Tensor
    """[n, k, 3]: x, y, and 0 where a point is not labelled."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        if device.type == "cpu":
            return self
        inputs = tuple(tensor.to(device, non_blocking=True) for tensor in self.inputs)
        rest = {name: getattr(self, name).to(device, non_blocking=True) for name in ("boxes", "labels", "keypoints")}
        return replace(self, inputs=inputs, **rest)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.labels)


@dataclass(frozen=True)
class Schedule:
    """How many images and steps an epoch has, and which of them this process sees."""

    images: int
    batch: int
    visits: int
    seed: int
    rank: int = 0
    world: int = 1

    @property
    def size(self) -> int:
        """The images of a step over all processes: never more than there are, shared out evenly."""
        return max(self.world, min(self.batch, self.images * self.visits) // self.world * self.world)

    @property
    def steps(self) -> int:
        """Steps of an epoch. Images that do not fill a last batch wait for another epoch's order."""
        return max(1, self.images * self.visits // self.size)

    def order(self, epoch: int) -> list[list[int]]:
        """Draw an epoch's batches of visits, this process's part of each."""
        rng = np.random.default_rng((self.seed, epoch, 0))
        rounds = [rng.permutation(self.images) + turn * self.images for turn in range(self.visits)]
        visits = np.concatenate(rounds)[: self.steps * self.size].reshape(self.steps, self.size)
        return visits[:, self.rank :: self.world].tolist()


class _Visits(Dataset[Example]):
    """The examples of one epoch by number of visit; a visit's augmentation depends on nothing but seed and epoch."""

    def __init__(self, examples: Examples, schedule: Schedule, epoch: int) -> None:
        self._examples, self._schedule, self._epoch = examples, schedule, epoch

    def __len__(self) -> int:
        return self._schedule.images * self._schedule.visits

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng((self._schedule.seed, self._epoch, 1, index))
        return self._examples.example(index % self._schedule.images, rng)


def batches(
    examples: Examples, schedule: Schedule, epoch: int, input_names: Sequence[str], workers: int = 0
) -> Iterator[Batch]:
    """Yield an epoch's batches; one is in memory at a time, with `workers` a few more."""

    def join(found: list[Example]) -> Batch:
        return make_batch(found, input_names)

    visits = _Visits(examples, schedule, epoch)
    yield from DataLoader(visits, batch_sampler=schedule.order(epoch), collate_fn=join, num_workers=workers)


def make_batch(examples: Sequence[Example], input_names: Sequence[str]) -> Batch:
    """Join examples into tensors."""
    columns = [np.concatenate([example.feeds[name] for example in examples]) for name in input_names]
    rows = [
        np.column_stack([np.full(len(example.boxes), place), example.classes, example.boxes])
        for place, example in enumerate(examples)
    ]
    labels = [-1 if example.label is None else example.label for example in examples]
    count = max((0 if example.keypoints is None else len(example.keypoints)) for example in examples)
    points = np.zeros((len(examples), count, 3), np.float32)
    for place, example in enumerate(examples):
        if example.keypoints is not None:
            points[place, : len(example.keypoints)] = example.keypoints
    return Batch(
        tuple(torch.from_numpy(np.ascontiguousarray(column)) for column in columns),
        torch.from_numpy(np.concatenate(rows).astype(np.float32).reshape(-1, 6)),
        torch.tensor(labels, dtype=torch.long),
        torch.from_numpy(points),
    )
