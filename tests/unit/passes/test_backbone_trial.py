"""Of several candidates the most accurate one after a short distillation is kept, and the report shows them all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.contracts import Context, Log
from compiler.diagnostic import CompressError
from compiler.ir import Conv, Program, parse_program, refresh_types, verify
from compiler.training.setup import Example, Facts, Training
from passes.backbone_swap import BackboneSwap
from passes.backbones.swapping import Swapped
from passes.backbones.trial import distilled_accuracy
from tests.support.steps import target

NETWORK = """
g (float[1,3,64,64] x) => (float[1,4,2,2] y) <float[6,3,3,3] w, float[6,6,3,3] v, float[4,6,1,1] h>
{
   [one] a = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [4, 4]> (x, w)
   [one_act] b = Relu (a)
   [two] c = Conv <pads: ints = [1, 1, 1, 1], strides: ints = [8, 8]> (b, v)
   [two_act] d = Relu (c)
   [head] y = Conv (d, h)
}
"""
NAMES = ("mobilenet-v1", "mobilenet-v2")
OPTIONS = {"candidates": NAMES, "width": 0.25, "end": "narrow", "trial_epochs": 1}


@dataclass(frozen=True)
class Noise:
    """Four seeded noise images without labels."""

    labels: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return 4

    def example(self, index: int, rng: np.random.Generator) -> Example:
        return Example({"x": np.random.default_rng(index).normal(0, 1, (1, 3, 64, 64)).astype(np.float32)})


def network() -> Program:
    program = parse_program(NETWORK)
    rng = np.random.default_rng(0)
    for name, shape in (("w", (6, 3, 3, 3)), ("v", (6, 6, 3, 3)), ("h", (4, 6, 1, 1))):
        program.replace_constant(name, rng.normal(0, 0.3, shape).astype(np.float32))
    refresh_types(program)
    return program


def deeper_is_better(program: Program) -> Mapping[str, float]:
    """Score by the number of convolutions: the slower of the two wins."""
    return {"depth": float(len(list(program.each(Conv))))}


def context(program: Program, *, is_stand_in: bool = False, **given: object) -> Context:
    training = Training(Facts(has_images=True), program, Noise, score=deeper_is_better, metric="depth")
    made = Context(target("host"), np.random.default_rng(0), is_stand_in=is_stand_in, training=training)
    return Context(**{**vars(made), **given})  # pyright: ignore[reportArgumentType]


def test_what_a_candidate_scores_untrained_does_not_count() -> None:
    program, start = network(), np.ones((4, 6, 1, 1), np.float32)
    program.replace_constant("h", start)

    def untouched_is_better(found: Program) -> Mapping[str, float]:
        weight = found.const("h")
        return {"untouched": float(weight is not None and np.array_equal(weight, start))}

    facts = Facts(has_images=True)
    training = Training(facts, network(), Noise, score=untouched_is_better, metric="untouched")
    assert distilled_accuracy(program, training, epochs=2, seed=0) == 0.0


def test_the_most_accurate_candidate_is_kept_though_it_is_slower() -> None:
    program, log = network(), Log()
    todo = BackboneSwap.model_validate(OPTIONS)
    decision = todo.decide(program, context(program))
    tried = decision.tried
    assert decision.backbone == "mobilenet-v2"
    assert tried["mobilenet-v2"].predicted_ms > tried["mobilenet-v1"].predicted_ms
    assert [tried[name].accuracy is not None for name in NAMES] == [True, True]
    todo.rewrite(program, decision, log)
    refresh_types(program)
    assert verify(program) == []
    said = [finding.message for finding in log.findings if finding.code.id == "P096"]
    assert [message.split(":")[0] for message in said] == list(NAMES)
    assert [message.endswith("; kept") for message in said] == [False, True]
    assert f"accuracy {tried['mobilenet-v1'].accuracy:g}" in said[0]


def test_lint_trains_nothing_and_shows_the_fastest() -> None:
    program = network()
    decision = BackboneSwap.model_validate(OPTIONS).decide(program, context(program, is_stand_in=True))
    assert isinstance(decision, Swapped)
    assert (decision.backbone, decision.tried["mobilenet-v1"].accuracy) == ("mobilenet-v1", None)


@pytest.mark.parametrize("is_stand_in", [True, False])
def test_candidates_cannot_be_tried_without_images(*, is_stand_in: bool) -> None:
    program = network()
    bare = context(program, is_stand_in=is_stand_in, training=Training(Facts(), program))
    with pytest.raises(CompressError, match="no images to retrain with"):
        BackboneSwap.model_validate(OPTIONS).decide(program, bare)


def test_candidates_cannot_be_judged_without_a_metric() -> None:
    program = network()
    blind = context(program, training=Training(Facts(has_images=True), program, Noise))
    with pytest.raises(CompressError, match="nothing to measure the candidates by"):
        BackboneSwap.model_validate(OPTIONS).decide(program, blind)


@pytest.mark.parametrize("names", [{"to": "mobilenet-v2"}, {"candidates": ["mobilenet-v2"]}])
def test_a_trial_is_a_choice_among_several(names: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="chooses among several"):
        BackboneSwap.model_validate({**names, "trial_epochs": 2})
