"""Single weights that become zero: how many, which ones, over rounds, and what stays so in training."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.analysis.zeros import share_out, with_pattern
from compiler.contracts import Context, Log
from compiler.ir import Program, parse_program, refresh_types
from compiler.lowering import lower
from compiler.training.network import keep_zeros, masks_of, with_values
from compiler.training.options import TrainingOptions
from compiler.training.train import train
from passes.weight_prune import WeightPrune
from tests.support.lessons import lesson, small_network
from tests.support.steps import apply, target


def network() -> Program:
    program = parse_program("""
    g (float[1,8,4,4] x) => (float[1,4,4,4] y) <float[4,8,3,3] w, float[4] b>
    { [conv] y = Conv <pads: ints = [1, 1, 1, 1]> (x, w, b) }
    """)
    rng = np.random.default_rng(0)
    program.give_const(program.op("conv"), 1, rng.normal(0, 1, (4, 8, 3, 3)).astype(np.float32))
    program.give_const(program.op("conv"), 2, np.zeros(4, np.float32))
    refresh_types(program)
    program.clear_journal()
    return program


def weight(program: Program) -> np.ndarray:
    found = program.const(program.op("conv").input(1))
    assert found is not None
    return found


def test_rounds_go_further_and_never_give_a_weight_back() -> None:
    program, context = network(), Context(target("host"), np.random.default_rng(0))
    todo, before = WeightPrune(level=0.75), np.zeros((4, 8, 3, 3), bool)
    for number in (1, 2, 3):
        decision = todo.decide(program, replace(context, way=Fraction(number, 3)))
        todo.rewrite(program, decision, Log())
        zero = weight(program) == 0
        assert zero.sum() == 288 * number // 4
        assert not (before & ~zero).any()
        before = zero


def test_no_zero_is_no_change() -> None:
    assert not apply("weight-prune", network(), {"level": 0.0}, on="host").is_changed


def test_a_pattern_holds_in_every_group_and_keeps_the_largest() -> None:
    pruned = weight(apply("weight-prune", network(), {"pattern": "2:4"}, on="host").program)
    groups = np.moveaxis(pruned, 1, -1).reshape(-1, 4)
    assert ((groups != 0).sum(axis=1) == 2).all()
    full = np.moveaxis(weight(network()), 1, -1).reshape(-1, 4)
    assert np.allclose(np.sort(np.abs(full), axis=1)[:, 2:], np.sort(np.abs(groups), axis=1)[:, 2:])


def test_shares_add_up_whatever_the_ties() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        weights = {str(n): rng.integers(0, 4, rng.integers(1, 40)).astype(np.float32) for n in range(5)}
        size = sum(value.size for value in weights.values())
        asked = int(rng.integers(0, size + 1))
        found = share_out(weights, asked, 0.999)
        most = sum(int(0.999 * value.size) for value in weights.values())
        assert sum(found.values()) == min(asked, most)
        assert all(found[name] <= weights[name].size for name in weights)


def test_a_pattern_along_the_first_axis_suits_transposed_convolutions() -> None:
    value = np.arange(1, 9, dtype=np.float32).reshape(4, 2)
    assert np.array_equal(with_pattern(value, 0, 1, 2), [[0, 0], [3, 4], [0, 0], [7, 8]])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pattern": "4:2"},
        {"pattern": "2:4", "level": 0.5},
        {"scope": "global", "levels": {"conv": 0.5}},
        {"level": 1.0},
        {"pattern": "2/4"},
    ],
)
def test_options_that_say_nothing_or_too_much_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WeightPrune.model_validate(options)


def test_training_keeps_the_zeros_that_the_pass_made_and_no_others() -> None:
    pruned = apply("weight-prune", network(), {"level": 0.5}, on="host").program
    module = lower(pruned)
    masks = masks_of(pruned, module)
    assert len(masks) == 1  # the bias is all zeros, and may be trained
    for parameter in module.parameters():
        parameter.data.add_(1.0)
    keep_zeros(module, masks)
    (key,) = masks
    assert np.array_equal(module.get_parameter(key).detach().numpy() == 0, weight(pruned) == 0)
    assert masks_of(network(), lower(network())) == {}


def test_a_training_moves_the_other_weights_and_no_zero() -> None:
    pruned = apply("weight-prune", small_network(), {"level": 0.5}, on="host").program
    options = {"epochs": 3, "batch": 4, "learning_rate": 0.01, "device": "cpu", "ema": 0.9}
    done = train(pruned, lesson(small_network()), TrainingOptions.model_validate(options), 1)
    trained = with_values(pruned, done.values)
    for layer in ("conv1", "conv2", "conv3"):
        before, after = (item.const(item.op(layer).input(1)) for item in (pruned, trained))
        assert before is not None
        assert after is not None
        assert np.array_equal(before == 0, after == 0)
        assert not np.array_equal(before, after)
