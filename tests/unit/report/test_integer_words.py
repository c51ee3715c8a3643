"""The report says of a quantisation what a person wants to know, tensor by tensor and layer by layer."""

from compiler.contracts import Effect
from compiler.report.choice import Part, parts
from compiler.report.model import Costs, PassReport

NOTHING = Costs(parameters=0, macs=0, executed_macs=0, bytes=0)


def part(**decision: object) -> Part:
    step = PassReport.model_validate(
        {"name": "ptq", "decision": decision, "effect": Effect.LOSSY, "before": NOTHING, "after": NOTHING}
    )
    (found,) = parts(step)
    return found


def rows(found: Part) -> list[tuple[str, str]]:
    return [(row.name, row.text) for row in found.rows]


def test_the_scheme_is_one_line() -> None:
    found = part(scheme={"activations": "uint8", "weights": "uint8", "per_channel": False, "operators": ["Conv"]})
    assert (found.text, found.rows) == ("uint8, weights uint8 with one scale for each layer", ())
    assert part(scheme={"activations": "uint8", "weights": "int8", "per_channel": True}).text.endswith("each filter")


def test_scales_and_means_go_tensor_by_tensor() -> None:
    found = part(grids={"x": [0.0039216, 0], "y": [0.125, 128]})
    assert found.text == "2 tensors"
    assert rows(found) == [("x", "scale 0.003922, zero point 0"), ("y", "scale 0.125, zero point 128")]
    assert rows(part(means={"x": [0.5, 0.25]})) == [("x", "means of 2 channels")]


def test_widened_scales_noise_and_islands_go_layer_by_layer() -> None:
    assert rows(part(widened={"stem": 1.8})) == [("stem", "scale 1.8 times as wide as its values ask for")]
    assert rows(part(layer_sqnr_db={"stem": 31.25})) == [("stem", "31.2 dB")]
    assert rows(part(alone_sqnr_db={"stem": 40.0})) == [("stem", "40.0 dB")]
    said = "3 channels evened out, whose largest values lie between 0.25 and 4.5"
    assert rows(part(peaks={"head": [0.5, 0.25, 4.5]})) == [("head", said)]
    assert rows(part(islands_ms={"act": 0.5})) == [("act", "0.500 ms for conversions at its borders")]
    assert rows(part(floats={"act": "Elu has no integer kernel"})) == [("act", "Elu has no integer kernel")]


def test_both_predictions_are_one_line() -> None:
    found = part(predicted_ms={"float": 54.677, "integers": 54.918})
    assert (found.text, found.rows) == ("54.7 ms in floating point, 54.9 ms in integers", ())
