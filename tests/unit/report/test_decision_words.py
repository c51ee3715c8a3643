"""The report says what was decided: each layer's part of a budget, what rounding did, how training went."""

from compiler.contracts import Effect
from compiler.report.choice import parts
from compiler.report.model import Costs, PassReport

NOTHING = Costs(parameters=0, macs=0, executed_macs=0, bytes=0)


def step(**decision: object) -> PassReport:
    return PassReport.model_validate(
        {"name": "level-prune", "decision": decision, "effect": Effect.LOSSY, "before": NOTHING, "after": NOTHING}
    )


def test_an_allocation_is_told_layer_by_layer() -> None:
    layers = {"stem": {"had": 32, "kept": 24, "sensitivity": 0.03125, "why": "the budget"}}
    figures = {"measure": "parameters", "before": 9000.0, "goal": 4500.0, "reached": 4480.0}
    (part,) = parts(step(allocation={**figures, "looked_at": "4 calibration images", "layers": layers}))
    assert part.text == "parameters from 9,000 to 4,480, goal 4,500; sensitivity seen on 4 calibration images"
    assert [(row.name, row.text, row.share) for row in part.rows] == [
        ("stem", "kept 24 of 32: the budget; sensitivity 0.031", 0.75)
    ]


def test_rounding_is_told_layer_by_layer_and_what_is_empty_is_not() -> None:
    (part,) = parts(step(rounded={"stem": [9, 16]}, shortfall={}, allocation=None))
    assert part.text == "1 layer up to the target's multiple of channels"
    assert [row.text for row in part.rows] == ["9 asked, 16 kept"]


def test_a_training_is_told_epoch_by_epoch() -> None:
    history = [
        {"epoch": 0, "loss": None, "learning_rate": None, "metrics": {"ap50": 0.0194}},
        {"epoch": 1, "loss": 0.6732, "learning_rate": 0.000995947, "metrics": {"ap50": 0.5544}},
    ]
    (part,) = parts(step(history=history))
    assert part.text == "1 epoch"
    assert [(row.name, row.text) for row in part.rows] == [
        ("before", "ap50 0.0194"),
        ("epoch 1", "loss 0.673, learning rate 0.000996, ap50 0.554"),
    ]
