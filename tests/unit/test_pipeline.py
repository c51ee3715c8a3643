"""The pipeline judges what passes do: promises broken, programs broken, and costs that rise."""

import numpy as np
import pytest

from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import CompressError, Span
from compiler.fidelity import Probe
from compiler.inputs import random_sample
from compiler.ir import Conv, Program, parse_program
from compiler.pipeline import Instruments, Run, run
from compiler.plan import Plan, Step
from compiler.registry import load_named_target

NETWORK = """
g (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[4,3,1,1] w>
{ [conv] y = Conv (x, w) }
"""


class Doubles(Pass):
    """Doubles a weight and calls that exact."""

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Double it."""
        for conv in program.each(Conv):
            weight = program.const(conv.w)
            assert weight is not None
            program.give_const(conv, Conv.W, weight * 2)


class Grows(Pass):
    """Gives a layer a bias that it does not need."""

    effect = Effect.LOSSY

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Add the bias."""
        for conv in program.each(Conv):
            weight = program.const(conv.w)
            assert weight is not None
            program.give_const(conv, Conv.B, np.zeros(len(weight), np.float32))


class Cuts(Pass):
    """Cuts a weight and forgets that the output shrinks with it."""

    effect = Effect.LOSSY

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Cut it."""
        for conv in program.each(Conv):
            program.give_const(conv, Conv.W, np.ones((2, 3, 1, 1), np.float32))


def _run(todo: Pass, network: str = NETWORK) -> Run:
    program, target = parse_program(network), load_named_target("tx2")
    probe = Probe(program, [random_sample(program, np.random.default_rng(0))])
    plan = Plan(target, (Step(todo, Span("recipe.yaml", 7)),))
    return run(plan, program, Context(target, np.random.default_rng(0)), Instruments(probe))


@pytest.mark.parametrize(("todo", "code"), [(Doubles(), "P005"), (Cuts(), "P002")])
def test_a_pass_that_breaks_its_word_or_the_network_is_named_and_stops_the_build(todo: Pass, code: str) -> None:
    with pytest.raises(CompressError) as caught:
        _run(todo)
    (found,) = caught.value.diagnostics
    assert found.code.id == code
    assert todo.slug() in found.message
    assert found.span == Span("recipe.yaml", 7)


def test_a_pass_that_makes_the_network_larger_is_a_finding() -> None:
    (found,) = _run(Grows()).findings
    assert found.code.id == "P004"
    assert "parameters from 12 to 16" in found.message


def test_a_growth_of_next_to_nothing_is_not() -> None:
    wide = NETWORK.replace("[4,3,1,1]", "[4,3,16,16]").replace("[1,3,8,8]", "[1,3,23,23]")
    assert _run(Grows(), wide).findings == []


class Rounds(Pass):
    """Computes a weight anew, as folding does: equal but for rounding."""

    effect = Effect.EXACT

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Move it by two roundings."""
        for conv in program.each(Conv):
            weight = program.const(conv.w)
            assert weight is not None
            program.give_const(conv, Conv.W, weight * np.float32(1 + 2**-22))


def test_rounding_that_a_network_magnifies_is_not_held_against_an_exact_pass() -> None:
    """A detector that finds nothing puts out next to nothing, and there every rounding is large."""
    program = parse_program("""
    g (float[1,1,4,4] x) => (float[1,1,4,4] y) <float[1,1,1,1] w = {1000}, float[1] b = {-1000}>
    { [conv] y = Conv (x, w, b) }
    """)
    sample = {"x": np.linspace(0.99999, 1.00001, 16, dtype=np.float32).reshape(1, 1, 4, 4)}
    target = load_named_target("tx2")
    context = Context(target, np.random.default_rng(0))
    plan = Plan(target, (Step(Rounds(), Span("recipe.yaml", 7)),))
    assert run(plan, program, context, Instruments(Probe(program, [sample]))).reports[0].changed


def test_a_network_in_half_precision_is_judged_by_its_own_rounding() -> None:
    program = parse_program("""
    g (float16[1,1,4,4] x) => (float16[1,1,4,4] y) <float16[1,1,1,1] w>
    { [conv] y = Conv (x, w) }
    """)
    program.replace_constant("w", np.full((1, 1, 1, 1), 3, np.float16))

    class Nudges(Pass):
        """Moves a weight by one rounding of 16 bits."""

        effect = Effect.EXACT

        def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
            """Move it."""
            for conv in program.each(Conv):
                program.give_const(conv, Conv.W, np.full((1, 1, 1, 1), 3 * (1 + 2**-10), np.float16))

    sample = {"x": np.linspace(0, 1, 16, dtype=np.float16).reshape(1, 1, 4, 4)}
    target = load_named_target("tx2")
    plan = Plan(target, (Step(Nudges(), Span("recipe.yaml", 7)),))
    done = run(plan, program, Context(target, np.random.default_rng(0)), Instruments(Probe(program, [sample])))
    assert done.reports[0].changed
