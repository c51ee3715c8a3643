"""Random networks compute through torch what ONNX Runtime computes, and all that they learn comes back."""

import torch
from hypothesis import given, settings

from compiler.ir import Program
from compiler.lowering import lower, write_back
from tests.support.networks import networks
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of
from tests.unit.lowering.test_lower import run


@settings(max_examples=40)
@given(networks())
def test_a_random_network_computes_the_same_before_and_after_its_weights_move(program: Program) -> None:
    module, feeds = lower(program).eval(), feeds_for(program)
    assert distance(outputs_of(program, feeds), run(module, feeds)) < ROUNDING
    assert write_back(module, program) == ()
    with torch.no_grad():
        for value in module.parameters():
            value.mul_(1.25)
    write_back(module, program)
    assert distance(outputs_of(program, feeds), run(module, feeds)) < ROUNDING
