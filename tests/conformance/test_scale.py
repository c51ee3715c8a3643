"""Networks of thousands of nodes: nothing recurses, and work grows with the network, not with its square."""

from collections.abc import Callable, Mapping

import pytest

from compiler.analysis.channels import find_channels
from compiler.analysis.cost import cost
from compiler.frontends.onnx_file import load_model
from compiler.ir import Program, digest, to_model, verify
from compiler.plan import CLEAN_UPS
from tests.support.counting import calls
from tests.support.large import chain, ladder
from tests.support.steps import apply, target

MAKERS = (chain, ladder)
SMALL, LARGE = 300, 1_200


def _sorted_backwards(program: Program) -> list[str]:
    """Sort a copy whose nodes are stored last first."""
    twin = Program(program.name, program.opsets)
    for name in program.inputs:
        twin.add_input(name, program.type(name))
    for op in reversed(list(program.each())):
        twin.add(op.op_type, op.inputs, op.outputs, op.attributes, name=op.name)
    return [op.name for op in twin.each()]


STAGES: Mapping[str, Callable[[Program], object]] = {
    "load": lambda program: load_model(to_model(program), {}, "large"),
    "sort": _sorted_backwards,
    "verify": verify,
    "digest": digest,
    "cost": lambda program: cost(program, target().cost),
    "channels": find_channels,
    "prune": lambda program: apply("level-prune", program, {"level": 0.5}),
    **{name: lambda program, name=name: apply(name, program) for name in CLEAN_UPS},
}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("stage", STAGES)
def test_four_times_the_nodes_take_about_four_times_the_work(stage: str, make: Callable[[int], Program]) -> None:
    small, large = make(SMALL), make(LARGE)
    for program in (small, large):
        STAGES[stage](program)
    assert calls(lambda: STAGES[stage](large)) < 5 * calls(lambda: STAGES[stage](small))


@pytest.mark.parametrize("make", MAKERS)
def test_a_network_of_ten_thousand_nodes_is_loaded_and_pruned(make: Callable[[int], Program]) -> None:
    program = load_model(to_model(make(10_000)), {}, "large").program
    assert len(program) > 9_000
    pruned = apply("level-prune", program, {"level": 0.5}).program
    assert verify(pruned) == []
    assert program.shape("w5") == (4, 4, 1, 1)
    assert {pruned.shape(op.input(1)) for op in pruned.each() if op.op_type == "Conv"} == {
        (2, 4, 1, 1),
        (2, 2, 1, 1),
    }


@pytest.mark.parametrize("make", MAKERS)
def test_a_graph_stored_backwards_is_sorted_as_it_was(make: Callable[[int], Program]) -> None:
    program = make(3_000)
    order = {name: place for place, name in enumerate(_sorted_backwards(program))}
    for op in program.each():
        for tensor in op.inputs:
            maker = program.producer(tensor)
            assert maker is None or order[maker.name] < order[op.name]
