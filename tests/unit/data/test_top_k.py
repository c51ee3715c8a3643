"""Top-1 and top-5 agree with scikit-learn, and ties go to the smaller class number."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from compiler.data.datasets import list_source
from compiler.data.evaluate import Evaluate
from compiler.data.metrics import evaluate_listing
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.data.top_k import rank_of
from compiler.diagnostic import CompressError
from tests.support.pictures import pictures

PLAIN = Preprocess(resize="none")


def _accuracy(folder: Path, scores: NDArray[np.float32], labels: NDArray[np.int64], metric: str) -> dict[str, float]:
    """Evaluate a network that puts its input out again, on an archive of such inputs."""
    np.savez(folder / "data.npz", x=scores, labels=labels)
    listing = list_source(DataSource(npz=folder / "data.npz"))
    settings = Evaluate.model_validate({"metric": metric})
    return evaluate_listing(lambda feeds: {"scores": feeds["x"]}, listing, PLAIN, settings)


@pytest.mark.parametrize("seed", range(3))
def test_shares_agree_with_scikit_learn(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(200, 11)).astype(np.float32), rng.integers(0, 11, 200)
    found = _accuracy(tmp_path, scores, labels, "top5")
    expected = [cast("Any", metrics).top_k_accuracy_score(labels, scores, k=k, labels=range(11)) for k in (1, 5)]
    assert [found["top1"], found["top5"]] == expected
    assert _accuracy(tmp_path, scores, labels, "top1") == {"top1": found["top1"]}


def test_equal_scores_rank_by_number_and_no_number_ranks_last() -> None:
    scores = np.array([2.0, 5.0, 5.0, np.nan, 1.0])
    assert [rank_of(scores, label) for label in range(5)] == [2, 0, 1, 5, 3]
    assert scores[:3].argmax() == 1


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1, 1)])
def test_scores_may_keep_their_pooled_axes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    scores = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels = scores.reshape(5, 4).argmax(axis=1)
    assert _accuracy(tmp_path, scores, labels, "top1") == {"top1": 1.0}


def test_what_cannot_be_ranked_is_a_diagnostic(tmp_path: Path) -> None:
    labels = np.zeros(5, np.int64)
    for scores, metric, code in (
        (np.zeros((5, 4), np.float32), "top5", "R125"),
        (np.zeros((5, 4, 2, 2), np.float32), "top1", "R125"),
        (np.zeros((5, 0), np.float32), "top1", "R125"),
    ):
        with pytest.raises(CompressError, match=code):
            _accuracy(tmp_path, scores, labels, metric)
    with pytest.raises(CompressError, match=r"R115.*class 7"):
        _accuracy(tmp_path, np.zeros((5, 4), np.float32), labels + 7, "top1")


def test_class_folders_and_the_network_must_have_as_many_classes(tmp_path: Path) -> None:
    for name in ("ant", "dog"):
        pictures(tmp_path / name, "a.png")
    listing = list_source(DataSource(classes=tmp_path))
    with pytest.raises(CompressError, match=r"R110.*3 classes.*2"):
        evaluate_listing(lambda _: {"y": np.zeros((1, 3))}, listing, PLAIN, Evaluate(metric="top1"))
    two = {"other": np.zeros((1, 9)), "y": np.array([[1.0, 0.0]])}
    settings = Evaluate(metric="top1", output="y")
    assert evaluate_listing(lambda _: two, listing, PLAIN, settings) == {"top1": 0.5}
    for output in (None, "z"):
        with pytest.raises(CompressError, match="R125"):
            evaluate_listing(lambda _: two, listing, PLAIN, settings.model_copy(update={"output": output}))


def test_images_without_classes_are_a_diagnostic(tmp_path: Path) -> None:
    listing = list_source(DataSource(images=pictures(tmp_path, "a.png")))
    with pytest.raises(CompressError, match="R111"):
        evaluate_listing(lambda _: {"y": np.zeros((1, 3))}, listing, PLAIN, Evaluate(metric="top1"))
