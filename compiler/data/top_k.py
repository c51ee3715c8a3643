"""How often a classifier's best few classes hold the true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.codes import CLASS_MISMATCH, NOT_LABELLED
from compiler.data.datasets import Sample
from compiler.data.decode_boxes import Outputs, find_output, output_fault
from compiler.data.evaluate import Evaluate
from compiler.data.faults import data_fault
from compiler.data.label_codes import UNKNOWN_CLASS
from compiler.data.records import Listing
from compiler.diagnostic import CompressError, Diagnostic


def class_scores(outputs: Outputs, name: str | None) -> NDArray[Any]:
    """Return the one score for each class. Raises CompressError where the output holds something else."""
    scores = find_output(outputs, name)
    # [1, classes, 1, 1] is what a network with global pooling but no flattening gives.
    if scores.ndim < 2 or scores.size != scores.shape[1]:
        said = f"an output has shape {list(scores.shape)}, the scores of classes are [1, classes]"
        raise output_fault(said, "measure a classifier with top1, or name its output with `output`")
    return scores.reshape(-1)


def rank_of(scores: NDArray[Any], label: int) -> int:
    """Return the place of a class from 0 on: how many score higher, or as high with a smaller number.

    A score that is not a number comes last.
    """
    if np.isnan(scores[label]):
        return len(scores)
    return int((scores > scores[label]).sum() + (scores[:label] == scores[label]).sum())


class TopK:
    """Counts hits image by image."""

    def __init__(self, settings: Evaluate, listing: Listing) -> None:
        self._output = settings.output
        self._k = {"top1": 1, "top5": 5}[settings.metric]
        self._names = listing.names
        self._ranks: list[int] = []

    def add(self, outputs: Outputs, sample: Sample) -> None:
        """Rank the true class of one image."""
        scores = class_scores(outputs, self._output)
        if self._names and len(self._names) != len(scores):
            message = f"the model has {len(scores)} classes, the labels have {len(self._names)}"
            raise CompressError(Diagnostic(CLASS_MISMATCH, message, help="evaluate on labels made for this model"))
        if len(scores) <= self._k:
            raise output_fault(f"top{self._k} of {len(scores)} classes is always 1", "use `metric: top1`")
        if sample.label is None:
            advice = "name `classes`, an `npz` with labels, or measure `fidelity`"
            raise CompressError(Diagnostic(NOT_LABELLED, f"{sample.path} has no class", help=advice))
        if not 0 <= sample.label < len(scores):
            message = f"{sample.path} is labelled as class {sample.label}, the model has {len(scores)}"
            raise data_fault(UNKNOWN_CLASS, message, "count classes from 0", sample.path)
        self._ranks.append(rank_of(scores, sample.label))

    def figures(self) -> dict[str, float]:
        """Return the share of images whose class is among the first k."""
        ranks = np.array(self._ranks)
        figures = {"top1": float((ranks < 1).mean())}
        return figures | ({"top5": float((ranks < 5).mean())} if self._k == 5 else {})
