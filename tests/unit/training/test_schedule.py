"""The order of images, and the rate over the steps."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from compiler.training.average import Average
from compiler.training.batches import Schedule, batches
from compiler.training.optimiser import make_optimiser, rate_at
from compiler.training.options import TrainingOptions
from tests.support.lessons import Images


def test_an_epoch_visits_every_image_as_often_as_asked() -> None:
    order = Schedule(images=6, batch=4, visits=2, seed=1).order(epoch=3)
    assert [len(part) for part in order] == [4, 4, 4]
    assert sorted(index for part in order for index in part) == list(range(12))


def test_epochs_differ_and_the_same_epoch_does_not() -> None:
    schedule = Schedule(images=32, batch=8, visits=1, seed=1)
    assert schedule.order(1) != schedule.order(2)
    assert schedule.order(1) == Schedule(images=32, batch=8, visits=1, seed=1).order(1)
    assert schedule.order(1) != Schedule(images=32, batch=8, visits=1, seed=2).order(1)


def test_processes_share_each_batch_of_the_whole() -> None:
    whole = Schedule(images=20, batch=8, visits=1, seed=5)
    parts = [Schedule(images=20, batch=8, visits=1, seed=5, rank=rank, world=2) for rank in (0, 1)]
    for step, batch in enumerate(whole.order(2)):
        shares = [part.order(2)[step] for part in parts]
        assert {len(share) for share in shares} == {4}
        assert sorted(shares[0] + shares[1]) == sorted(batch)


def test_fewer_images_than_a_batch_make_one_smaller_batch() -> None:
    schedule = Schedule(images=3, batch=16, visits=1, seed=0)
    assert (schedule.size, schedule.steps) == (3, 1)


def test_processes_that_prepare_images_change_nothing() -> None:
    schedule = Schedule(images=12, batch=4, visits=1, seed=3)
    alone = [batch.inputs[0] for batch in batches(Images(), schedule, 1, ("x",))]
    beside = [batch.inputs[0] for batch in batches(Images(), schedule, 1, ("x",), workers=1)]
    assert all(torch.equal(one, other) for one, other in zip(alone, beside, strict=True))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_then_follows_the_schedule(schedule: str) -> None:
    options = TrainingOptions.model_validate({"epochs": 10, "warmup": 1, "schedule": schedule, "final_rate": 0.1})
    rates = [rate_at(step, 10, options, 2.0) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(2.0)
    assert np.all(np.diff(rates[:9]) > 0)
    assert np.all(np.diff(rates[10:]) <= 0)
    middle = {"cosine": 2.0 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 2))), "linear": 2.0 * 0.55, "constant": 2.0}
    assert rates[55] == pytest.approx(middle[schedule], rel=1e-6)


def test_a_share_of_an_unknown_rate_is_of_the_optimisers_usual_one() -> None:
    assert TrainingOptions(learning_rate="0.1x").rate(None) == pytest.approx(1e-4)
    assert TrainingOptions(learning_rate="0.1x", optimizer="sgd").rate(None) == pytest.approx(1e-3)
    assert TrainingOptions(learning_rate="0.1x").rate(0.02) == pytest.approx(2e-3)
    assert TrainingOptions(learning_rate=0.5).rate(0.02) == pytest.approx(0.5)


def test_only_named_weights_decay() -> None:
    layer = nn.Linear(2, 2)
    options = TrainingOptions(optimizer="sgd", weight_decay=0.1, momentum=0)
    optimiser = make_optimiser(layer.named_parameters(), frozenset({"weight"}), options, 1.0)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    for value in layer.parameters():
        value.grad = torch.zeros_like(value)
    optimiser.step()
    assert torch.allclose(layer.weight, 0.9 * weight)
    assert torch.equal(layer.bias, bias)


def test_an_average_of_a_still_network_is_that_network_and_lags_behind_a_moving_one() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    average = Average(layer, 0.999)
    average.update(layer)
    assert average.values["weight"].item() == 1.0
    nn.init.constant_(layer.weight, 2.0)
    average.update(layer)
    assert average.values["weight"].item() == pytest.approx(2 - (1 + 2) / (10 + 2))
