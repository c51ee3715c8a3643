"""YOLOv7-tiny for one class: the published pruning table, figure by figure."""

from pathlib import Path

import pytest

from compiler.analysis.cost import cost
from compiler.frontends.onnx_file import load_model
from compiler.frontends.torch_factory import export_factory
from compiler.ir import Conv, Program, verify
from tests.support.steps import apply, target

MODELS = Path(__file__).parents[2] / "recipes" / "models"
INPUTS = {"images": (1, 3, 640, 640)}
TABLE = {
    0: (6_006_646, 6_007_596, 20.2),
    50: (1_507_798, 1_508_300, 39.5),
    60: (955_744, 956_155, 39.9),
    70: (535_124, 535_445, 41.2),
    80: (238_091, 238_323, 42.1),
    90: (58_511, 58_653, 43.7),
}
"""Percent pruned to the deployed parameters that are left, to the source's count of them, and to the frames per second
that were measured on a TX2."""
HEADS = ("head8", "head16", "head32")


def network() -> Program:
    model = export_factory("yolov7_tiny.py:build", MODELS, {"num_classes": 1}, None, INPUTS, 7)
    return load_model(model, INPUTS, "yolov7-tiny").program


def count_of_the_source(program: Program, deployed: int) -> int:
    """Count as the training code does, before the detect convolutions take in their implicit values.

    Each has one value to add per input channel and one to multiply by per output channel: 3 x 18 of the latter.
    """
    weights = [program.const(conv.w) for conv in program.each(Conv) if conv.name.rsplit(".", 1)[0] in HEADS]
    shapes = [weight.shape for weight in weights if weight is not None]
    assert [shape[0] for shape in shapes] == [18, 18, 18]
    return deployed + sum(shape[1] for shape in shapes) + 54


def test_pruning_leaves_the_published_numbers_of_parameters_and_nearly_the_measured_speeds() -> None:
    whole = network()
    assert cost(whole, target("tx2").cost).macs == 6_510_592_000
    for percent, (parameters, at_source, frames) in TABLE.items():
        applied = apply("level-prune", whole, {"level": percent / 100})
        found = cost(applied.program, target("tx2").cost)
        assert verify(applied.program) == []
        assert found.parameters == parameters
        assert count_of_the_source(applied.program, parameters) == at_source
        assert 1000 / found.predicted_ms == pytest.approx(frames, rel=0.05)
        assert {skip.layer.rsplit(".", 1)[0] for skip in applied.log.skipped} == set(HEADS)
