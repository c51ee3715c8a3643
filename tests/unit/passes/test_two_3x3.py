"""5x5 convolutions of both kinds as two 3x3: exact with enough channels between, with the guideline's warning."""

from collections.abc import Mapping

import numpy as np
import pytest
from pydantic import ValidationError

from compiler.analysis.kernel_pair import kernel_pair
from compiler.contracts import Context, Log
from compiler.ir import Program, TensorType, refresh_types, verify
from compiler.rewrites.factorize_conv import cores, factorize, parts, unfold, unfolded_shape
from compiler.rewrites.try_factorize import convolutions, unfit
from passes.conv_factorize import ConvFactorize
from tests.support.running import ROUNDING, distance, outputs_of
from tests.support.steps import target

FLOAT = np.dtype(np.float32)


def context() -> Context:
    """Make a board that starts layers for nothing, so that small ones gain."""
    board = target("rk3399")
    classes = {
        name: entry.model_copy(update={"floor_ms": 0.0, "launch_ms": 0.0}) for name, entry in board.cost.classes.items()
    }
    tuned = board.model_copy(update={"cost": board.cost.model_copy(update={"classes": classes})})
    return Context(tuned, np.random.default_rng(0), None)


def pair_network(group: int, ins: int, outs: int, geometry: Mapping[str, object], op_type: str = "Conv") -> Program:
    """Make a network of one 5x5 convolution of either kind."""
    rng = np.random.default_rng(group + ins + outs)
    program = Program("pair", {"": 13})
    program.add_input("x", TensorType(FLOAT, (1, ins, 13, 12)))
    shape = (outs, ins // group, 5, 5) if op_type == "Conv" else (ins, outs // group, 5, 5)
    weight = program.add_constant("w", rng.normal(0, 1, shape).astype(FLOAT))
    program.add(op_type, ["x", weight], ["y"], {"group": group, **geometry}, name="c")
    program.add_output("y")
    refresh_types(program)
    return program


@pytest.mark.parametrize(("group", "ins", "outs"), [(1, 3, 4), (1, 4, 2), (2, 4, 6), (1, 3, 3)])
@pytest.mark.parametrize(
    ("op_type", "geometry"),
    [
        ("Conv", {}),
        ("Conv", {"pads": [2, 2, 2, 2], "strides": [2, 1]}),
        ("Conv", {"pads": [3, 0, 1, 2]}),
        ("Conv", {"pads": [1, 1, 1, 1], "dilations": [2, 2]}),
        ("ConvTranspose", {}),
        ("ConvTranspose", {"pads": [2, 2, 2, 2], "strides": [2, 2], "output_padding": [1, 1]}),
        ("ConvTranspose", {"pads": [0, 3, 2, 1], "strides": [3, 1], "output_padding": [2, 0]}),
        ("ConvTranspose", {"pads": [1, 1, 1, 1], "dilations": [2, 1], "strides": [1, 2]}),
    ],
)
def test_nine_times_the_channels_make_two_3x3_of_any_5x5(
    group: int, ins: int, outs: int, op_type: str, geometry: Mapping[str, object]
) -> None:
    program = pair_network(group, ins, outs, geometry, op_type)
    op = convolutions(program)[0]
    weight = program.const(op.w)
    assert weight is not None and unfit(program, op, "kernel-3x3", 1) is None
    full = min(unfolded_shape(op, weight.shape, "kernel-3x3")[1:])
    assert unfold(op, weight, "kernel-3x3").shape == unfolded_shape(op, weight.shape, "kernel-3x3")
    twin, found = program.clone(), kernel_pair(cores(op, weight), full)
    factorize(twin, convolutions(twin)[0], *parts(op, weight, "kernel-3x3", found.factors(full)))
    refresh_types(twin)
    assert verify(twin) == []
    assert found.error(full) < 1e-6
    assert distance(outputs_of(program), outputs_of(twin)) < ROUNDING


def test_a_transposed_5x5_that_states_its_output_size_stays() -> None:
    program = pair_network(1, 4, 4, {"strides": [2, 2], "output_shape": [26, 24]}, "ConvTranspose")
    assert unfit(program, convolutions(program)[0], "kernel-3x3", 1) == "it states its output's size"


def test_a_5x5_that_is_two_3x3_is_found_again() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(9, 3, 3, 4)), rng.normal(size=(4, 3, 3, 12))
    whole = np.zeros((9, 5, 5, 12))
    for row, column in np.ndindex(3, 3):
        whole[:, row : row + 3, column : column + 3] += np.einsum("iabr,ro->iabo", first, second[:, row, column])
    # The start alone leaves about half; alternating finds the two.
    assert kernel_pair(np.moveaxis(whole, 3, 1)[None], 4).error(4) < 0.01


def test_two_3x3_come_with_the_guidelines_warning() -> None:
    todo = ConvFactorize.model_validate({"scheme": "kernel-3x3", "rank": 2})
    program, log = pair_network(1, 8, 8, {"pads": [2, 2, 2, 2]}), Log()
    decision = todo.decide(program, context())
    assert decision.factored["c"].full_rank == 72
    todo.rewrite(program, decision, log)
    assert [(finding.code.id, finding.message) for finding in log.findings] == [
        ("P060", "convolutions split into two 3x3: 1")
    ]


def test_two_3x3_that_cost_more_than_the_5x5_stay_away() -> None:
    todo = ConvFactorize.model_validate({"scheme": "kernel-3x3", "rank": 12})
    decision = todo.decide(pair_network(1, 8, 8, {"pads": [2, 2, 2, 2]}), context())
    assert decision.factored == {}
    assert "would not gain" in decision.left["c"]


def test_two_3x3_have_no_energy() -> None:
    with pytest.raises(ValidationError, match="no singular values"):
        ConvFactorize.model_validate({"scheme": "kernel-3x3", "energy": 0.9})
