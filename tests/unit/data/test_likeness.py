"""Fidelity without labels: cosine by the formula, agreement by boxes and classes."""

import numpy as np
import pytest

from compiler.data.decode import Detections
from compiler.data.evaluate import Evaluate
from compiler.data.likeness import Likeness, agreement, cosine, matched


def _found(*rows: tuple[float, float, float, float, int]) -> Detections:
    values = np.array(rows, np.float64).reshape(-1, 5)
    return Detections(values[:, :4], np.linspace(0.9, 0.5, len(rows)), values[:, 4].astype(np.int64))


A, B = (0.0, 0.0, 10.0, 10.0, 0), (20.0, 20.0, 30.0, 30.0, 1)


def test_cosine_is_the_mean_over_outputs() -> None:
    one = {"a": np.array([3.0, 4.0]), "b": np.array([1.0, 0.0])}
    other = {"a": np.array([4.0, 3.0]), "b": np.array([0.0, 7.0])}
    assert cosine(one, one) == 1.0
    assert cosine(one, other) == pytest.approx((24 / 25 + 0) / 2)
    assert cosine(one, {"a": -2 * one["a"], "b": one["b"]}) == pytest.approx(0)


def test_cosine_of_what_is_no_number_or_gone() -> None:
    zero, hole = np.zeros(2), np.array([np.nan, 1.0])
    assert cosine({"a": zero}, {"a": zero}) == 1.0
    assert cosine({"a": zero}, {"a": np.ones(2)}) == 0.0
    assert cosine({"a": hole}, {"a": np.array([np.nan, 2.0])}) == 1.0
    assert cosine({"a": np.ones(2)}, {"a": hole}) == cosine({"a": hole}, {"a": np.ones(2)}) == 0.0
    assert cosine({"a": zero}, {}) == cosine({"a": zero}, {"a": np.zeros(3)}) == 0.0


def test_a_detection_is_found_again_at_half_overlap_with_its_class() -> None:
    assert matched(_found(A, B), _found(B, A)) == 2
    assert matched(_found(A), _found((0, 0, 10, 5, 0))) == 1
    assert matched(_found(A), _found((0, 0, 10, 4.9, 0))) == 0
    assert matched(_found(A), _found((*A[:4], 1))) == 0
    assert matched(_found(A), _found()) == matched(_found(), _found(A)) == 0


def test_one_detection_answers_for_one_only() -> None:
    assert matched(_found(A, A), _found(A)) == 1
    assert matched(_found(A, A), _found(A, (0, 0, 10, 9, 0))) == 2


def test_agreement_counts_detections_that_a_product_would_act_upon() -> None:
    settings = Evaluate.model_validate({"outputs": {"boxes": "b", "scores": "s"}})
    agree = agreement(settings)
    assert agree is not None
    boxes = np.array([[A[:4], B[:4]]])
    source = {"b": boxes, "s": np.array([[0.9, 0.2]])}
    likeness = Likeness(agree)
    likeness.add(source, {"b": boxes, "s": np.array([[0.3, 0.9]])}, (48, 64))
    likeness.add(source, {"b": boxes, "s": np.array([[0.2, 0.9]])}, (48, 64))
    assert likeness.agreement == 0.5


def test_classifiers_agree_on_the_best_class() -> None:
    likeness = Likeness(agreement(Evaluate(metric="top1")))
    likeness.add({"y": np.array([[1.0, 2.0]])}, {"y": np.array([[0.1, 0.2]])}, (8, 8))
    likeness.add({"y": np.array([[1.0, 2.0]])}, {"y": np.array([[0.3, 0.2]])}, (8, 8))
    assert likeness.agreement == 0.5
    assert Likeness(None).agreement is None


def test_without_a_decoder_nothing_can_agree() -> None:
    assert agreement(Evaluate(metric="fidelity")) is None
    assert agreement(Evaluate(metric="pck")) is None
    assert agreement(Evaluate(metric="fidelity", decode="scores")) is not None
