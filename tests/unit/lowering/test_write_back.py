"""Trained values go back into the program by name; its structure stays."""

import numpy as np
import pytest
import torch

from compiler.diagnostic import CompressError
from compiler.ir import Array, Program, parse_program, verify
from compiler.lowering import lower, write_back
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of
from tests.support.steps import apply
from tests.unit.lowering.test_lower import SMALL, batch, run

SHARED = """
g (float[1,3,4,4] x) => (float[1,3,4,4] y)
   <float[3,3,1,1] w, float[3] zero = {0.0, 0.0, 0.0}, float[3,3,1,1] u>
{
   [first] a = Conv (x, w, zero)
   [second] b = Conv (a, w, zero)
   [third] y = Conv (b, u, zero)
}
"""


def nudge(module: torch.nn.Module, **amounts: float) -> None:
    with torch.no_grad():
        for key, amount in amounts.items():
            module.get_parameter(key).add_(amount)


def seen(program: Program, layer: str) -> Array:
    value = program.const(program.op(layer).input(2))
    assert value is not None
    return value


def trained(program: Program, rate: float = 0.05) -> tuple[float, float, torch.fx.GraphModule]:
    module, images = lower(program).train(), batch(4, 3, 8, 8)
    optimiser = torch.optim.SGD(module.parameters(), rate)
    losses: list[float] = []
    for _ in range(2):
        loss = (module(images)["y"] - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses[0], losses[1], module


def test_a_step_lowers_the_loss_and_the_program_then_computes_what_the_module_does() -> None:
    program = parse_program(SMALL)
    before, after, module = trained(program)
    assert after < before
    assert write_back(module, program) == ("conv", "norm", "head")
    assert verify(program) == []
    feeds = feeds_for(program)
    assert distance(outputs_of(program, feeds), run(module.eval(), feeds)) < ROUNDING


def test_a_pruned_program_trains_and_takes_its_values_back() -> None:
    program = apply("level-prune", parse_program(SMALL), {"level": 0.5}).program
    before, after, module = trained(program)
    assert after < before
    write_back(module, program)
    feeds = feeds_for(program)
    assert distance(outputs_of(program, feeds), run(module.eval(), feeds)) < ROUNDING


def test_values_that_did_not_change_leave_no_trace() -> None:
    program = parse_program(SMALL)
    program.clear_journal()
    assert write_back(lower(program), program) == ()
    assert program.journal == ()


def test_filters_that_two_layers_share_stay_shared() -> None:
    program = parse_program(SHARED)
    module = lower(program)
    nudge(module, w=0.5)
    assert write_back(module, program) == ("first", "second")
    assert program.op("first").input(1) == program.op("second").input(1) == "w"


def test_a_bias_that_is_shared_by_accident_trains_for_each_layer_apart() -> None:
    program = parse_program(SHARED)
    module = lower(program)
    assert len(list(module.parameters())) == 4
    nudge(module, copy_x_third_x_2=1.0)
    assert write_back(module, program) == ("third",)
    assert np.array_equal(seen(program, "first"), np.zeros(3))
    assert np.array_equal(seen(program, "third"), np.ones(3))
    nudge(module, copy_x_third_x_2=1.0, zero=3.0)
    assert write_back(module, program) == ("first", "second", "third")
    assert np.array_equal(seen(program, "second"), np.full(3, 3.0))
    assert program.op("first").input(2) == program.op("second").input(2)


def test_another_shape_is_refused_and_nothing_is_written() -> None:
    program = parse_program(SMALL)
    module = lower(program)
    nudge(module, b=1.0)
    pruned = apply("level-prune", program, {"level": 0.5}).program
    pruned.clear_journal()
    with pytest.raises(CompressError, match=r"w has shape \[4, 3, 3, 3\] and the program's is \[2, 3, 3, 3\]"):
        write_back(module, pruned)
    assert pruned.journal == ()


def test_a_layer_that_went_is_refused() -> None:
    program = parse_program(SMALL)
    module = lower(program)
    folded = apply("fold-batchnorm", program).program
    with pytest.raises(CompressError, match="no layer that reads s as a constant"):
        write_back(module, folded)


def test_diverged_values_are_refused() -> None:
    program = parse_program(SMALL)
    module = lower(program)
    nudge(module, k=float("nan"))
    with pytest.raises(CompressError, match="hold infinity or NaN"):
        write_back(module, program)
