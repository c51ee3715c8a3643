"""What the finetune pass says before it trains, and what its decision holds."""

import numpy as np
import pytest

from compiler.contracts import Context
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, parse_program
from compiler.registry import load_pass
from compiler.training.match import find_matches
from compiler.training.setup import Facts, Training
from tests.support.lessons import Images, lesson, shaken, small_network
from tests.support.steps import apply, target

SOURCE = small_network()
LABELLED = frozenset({"class", "boxes", "keypoints"})


def refusals(facts: Facts, **options: object) -> list[Diagnostic]:
    """List what the pass refuses on the lint path."""
    training = Training(facts, SOURCE)
    context = Context(target(), np.random.default_rng(0), is_stand_in=True, training=training)
    try:
        assert load_pass("finetune").model_validate(options).decide(SOURCE, context) is None
    except CompressError as error:
        return list(error.diagnostics)
    return []


IMAGES = Facts(has_images=True, labels=frozenset())


def test_unlabelled_images_are_enough_for_a_teacher() -> None:
    assert refusals(IMAGES) == []


@pytest.mark.parametrize(
    ("facts", "options", "code", "said"),
    [
        (Facts(), {}, "P040", "no images to retrain with"),
        (IMAGES, {"teacher": "none"}, "P042", "neither a teacher nor a loss"),
        (IMAGES, {"loss": "classification"}, "P041", "needs class numbers"),
        (IMAGES, {"loss": "keypoints"}, "P041", "needs keypoints"),
        (Facts(has_images=True, labels=LABELLED), {"loss": "detection"}, "P043", "needs the anchors"),
        (IMAGES, {"loss": "detektion"}, "P043", "there is no loss `detektion`"),
        (IMAGES, {"loss": "gone.py:loss"}, "P043", "gone.py is not a file"),
        (IMAGES, {"match": ["conv"]}, "P044", "no layer or tensor `conv`"),
        (IMAGES, {"match": ["x"]}, "P044", "no layer or tensor `x`"),
    ],
)
def test_what_a_recipe_lacks_is_said_before_any_work(
    facts: Facts, options: dict[str, object], code: str, said: str
) -> None:
    found = refusals(facts, **options)
    assert [item.code.id for item in found] == [code]
    assert said in found[0].message
    assert found[0].help


def test_a_match_that_is_nearly_right_names_the_nearest() -> None:
    (found,) = refusals(IMAGES, match=["conv11"])
    assert found.help is not None and "conv1" in found.help


def test_labels_choose_the_loss_that_goes_with_the_decoder() -> None:
    kind = load_pass("finetune")
    options = kind.model_validate({})
    assert options.loss_name(LABELLED, "yolo") == "detection"  # pyright: ignore[reportAttributeAccessIssue]
    assert options.loss_name(LABELLED, "scores") == "classification"  # pyright: ignore[reportAttributeAccessIssue]
    assert options.loss_name(None, "heatmap") == "keypoints"  # pyright: ignore[reportAttributeAccessIssue]
    assert options.loss_name(frozenset(), "yolo") is None  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g (float[1,2] x) => (float[1,2] y) { [r] y = Relu (x) }", "no layer of the network has weights"),
        (
            "g (float[1,2] x) => (float[1,2] y) <float16[2,2] w = {1, 2, 3, 4}> "
            "{ [widen] v = Cast <to: int = 1> (w) [fc] y = MatMul (x, v) }",
            "widen widens a weight that is stored in half precision",
        ),
        (
            "g (float[1,2] x) => (uint8[1,2] y) <float s = {0.1}, uint8 z = {0}> { [q] y = QuantizeLinear (x, s, z) }",
            "q computes with integers",
        ),
    ],
)
def test_networks_that_cannot_be_trained_any_more_are_refused(text: str, said: str) -> None:
    found = list(load_pass("finetune").model_validate({}).check(parse_program(text), target()))
    assert [item.code.id for item in found] == ["P046"]
    assert said in found[0].message


def trained(program: Program, facts: Facts = IMAGES, **options: object):
    """Train for one epoch, and return the pass and its decision."""
    todo = load_pass("finetune").model_validate({"epochs": 1, "batch": 4, "device": "cpu", **options})
    training = lesson(SOURCE, Images(), facts)
    context = Context(target(), np.random.default_rng(0), training=training)
    return todo, todo.decide(program, context)


def test_the_decision_tells_the_course_and_keeps_the_values_to_itself() -> None:
    _, decision = trained(shaken(SOURCE))
    assert decision is not None
    told = decision.model_dump(mode="json")
    assert set(told) == {"best_epoch", "history", "images", "learning_rate", "loss", "sha256", "teacher"}
    assert [line["epoch"] for line in told["history"]] == [0, 1]
    assert told["learning_rate"] == pytest.approx(1e-4)


def test_rewriting_changes_values_and_nothing_else() -> None:
    program = shaken(SOURCE)
    todo, decision = trained(program)
    from compiler.contracts import Log

    twin, log = program.clone(), Log()
    todo.rewrite(twin, decision, log)
    assert [(op.name, op.op_type) for op in twin.each()] == [(op.name, op.op_type) for op in program.each()]
    assert {edit.verb for edit in twin.journal} == {"rewrite"}
    assert [item.code.id for item in log.findings] == ["P049"]


def test_a_known_rate_needs_no_note() -> None:
    program = shaken(SOURCE)
    todo, decision = trained(program, Facts(has_images=True, labels=frozenset(), source_rate=0.02))
    from compiler.contracts import Log

    log = Log()
    todo.rewrite(program.clone(), decision, log)
    assert log.findings == []
    assert decision is not None and decision.model_dump()["learning_rate"] == pytest.approx(2e-3)


def test_tensors_that_lost_channels_are_compared_on_those_that_are_left() -> None:
    pruned = apply("level-prune", SOURCE, {"level": 0.5, "only": ["conv1"], "channel_multiple": 1})
    assert pruned.decision is not None
    kept = pruned.decision.filters_left()
    (match,) = find_matches(["relu"], pruned.program, SOURCE, kept)
    assert (match.tensor, match.channels) == ("r", kept["conv1"])
    (whole,) = find_matches(["conv2"], pruned.program, SOURCE, kept)
    assert whole.channels is None
    with pytest.raises(CompressError) as caught:
        find_matches(["relu"], pruned.program, SOURCE, {})
    assert caught.value.diagnostics[0].code.id == "P045"


def test_a_pruned_network_trains_with_matches() -> None:
    pruned = apply("level-prune", SOURCE, {"level": 0.5, "only": ["conv1"], "channel_multiple": 1})
    assert pruned.decision is not None
    training = lesson(SOURCE, kept=pruned.decision.filters_left())
    from compiler.training.options import TrainingOptions
    from compiler.training.train import train

    options = TrainingOptions(epochs=2, batch=4, match=("relu",), device="cpu")
    assert train(pruned.program, training, options, 1).lines[-1].loss > 0
