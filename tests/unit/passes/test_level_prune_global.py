"""level-prune under one budget: layers get levels of their own, and the report can say why."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from compiler.analysis.allocation import Allocation
from compiler.analysis.allocation.goal import measure
from compiler.analysis.allocation.greedy import Choice, first_within, per_saving, steps
from compiler.analysis.channels import find_channels
from compiler.analysis.cost import cost
from compiler.diagnostic import CompressError
from compiler.ir import Program, parse_program
from passes.decisions.kept import Kept
from passes.level_prune import LevelPrune
from tests.support.steps import apply, target

COSTS = ("parameters", "macs", "bytes", "predicted_ms")


def chain() -> Program:
    """Make three layers in a row; the middle one is wide, so that each of its filters saves most."""
    program = parse_program("""
    g (float[1,3,16,16] x) => (float[1,2,16,16] y)
       <float[16,3,3,3] w, float[64,16,3,3] u, float[16,64,3,3] v, float[2,16,1,1] o>
    {
       [first] a = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
       [middle] b = Conv <pads: ints = [1, 1, 1, 1]> (a, u)
       [last] c = Conv <pads: ints = [1, 1, 1, 1]> (b, v)
       [head] y = Conv (c, o)
    }
    """)
    rng = np.random.default_rng(3)
    for name in ("first", "middle", "last", "head"):
        op = program.op(name)
        shape = program.shape(op.input(1)) or ()
        program.give_const(op, 1, rng.normal(0, 1, shape).astype(np.float32))
    return program


def allocate(program: Program, options: Mapping[str, object], *, on: str = "host") -> Allocation:
    decision = apply("level-prune", program, {"scope": "global", **options}, on=on).decision
    assert isinstance(decision, Kept)
    assert decision.allocation is not None
    return decision.allocation


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("part", [0.8, 0.4])
def test_a_goal_is_reached_on_the_network_that_comes_out(name: str, part: float) -> None:
    program = chain()
    applied = apply("level-prune", program, {"scope": "global", "goal": {name: f"{part}x"}}, on="host")
    before, after = (getattr(cost(found, target("host").cost), name) for found in (program, applied.program))
    assert isinstance(applied.decision, Kept)
    found = applied.decision.allocation
    assert found is not None
    assert found.before == pytest.approx(before)
    assert found.goal == pytest.approx(part * before)
    assert found.reached == pytest.approx(after)
    assert 0.9 * found.goal < after <= found.goal
    assert {layer: share.kept for layer, share in found.layers.items()} == {
        layer: len(applied.decision.kept.get(layer, range(share.had))) for layer, share in found.layers.items()
    }


def test_a_goal_may_be_a_number() -> None:
    assert allocate(chain(), {"goal": {"parameters": 9000}}).goal == 9000


def test_without_a_goal_it_is_what_the_local_scope_would_leave() -> None:
    local = apply("level-prune", chain(), {"level": 0.5}).program
    found = allocate(chain(), {"level": 0.5})
    assert found.goal == cost(local, target("host").cost).parameters
    assert found.reached <= found.goal
    for level in (0.9, 0.97):  # deeper than max_level, which then gives way
        assert allocate(chain(), {"level": level}).reached > 0


def test_the_outputs_decide_what_stays() -> None:
    """Two branches alike are added up, but one counts a thousandth: measured, that one gives; unmeasured, both do."""
    program = parse_program("""
    g (float[1,3,4,4] x) => (float[1,2,4,4] y)
       <float[40,3,1,1] w, float[2,40,1,1] s, float[40,3,1,1] u, float[2,40,1,1] t>
    {
       [loud] a = Conv (x, w) [loud_head] p = Conv (a, s)
       [quiet] b = Conv (x, u) [quiet_head] q = Conv (b, t)
       [join] y = Add (p, q)
    }
    """)
    weight = program.const(program.op("quiet_head").input(1))
    assert weight is not None
    program.give_const(program.op("quiet_head"), 1, weight * np.float32(1e-3))
    found = allocate(program, {"goal": {"parameters": "0.6x"}})
    assert found.looked_at == "2 calibration images"
    loud, quiet = found.layers["loud"], found.layers["quiet"]
    assert (loud.sensitivity or 0.0) > 50 * (quiet.sensitivity or 0.0) > 0
    assert (loud.kept, quiet.kept, quiet.why) == (40, 8, "the budget")
    alike = allocate(program, {"goal": {"parameters": "0.6x"}, "sensitivity_images": 0})
    assert alike.looked_at == "nothing: all layers count alike"
    assert abs(alike.layers["loud"].kept - alike.layers["quiet"].kept) <= 4


def test_a_layer_at_its_launch_floor_is_left_alone() -> None:
    """On the TX2 all of these layers only wait for their launch: no filter saves a millisecond."""
    with pytest.raises(CompressError) as caught:
        allocate(chain(), {"goal": {"predicted_ms": "0.5x"}}, on="tx2")
    (fault,) = caught.value.diagnostics
    assert fault.code.id == "P022"
    assert fault.message == "the goal of 0.82 predicted ms is out of reach: the lowest is 1.64 predicted ms"
    found = allocate(chain(), {"goal": {"predicted_ms": "1x"}}, on="tx2")
    assert {share.why for share in found.layers.values()} == {"fewer would save nothing"}


def test_a_goal_out_of_reach_names_the_lowest_that_can_be_had() -> None:
    with pytest.raises(CompressError) as caught:
        allocate(chain(), {"goal": {"parameters": 100}, "max_level": 0.5})
    (fault,) = caught.value.diagnostics
    lowest = cost(apply("level-prune", chain(), {"level": 0.5}).program, target("host").cost).parameters
    assert fault.message == f"the goal of 100 parameters is out of reach: the lowest is {lowest:,} parameters"
    assert allocate(chain(), {"goal": {"parameters": lowest}, "max_level": 0.5}).reached == lowest
    with pytest.raises(CompressError) as caught:
        allocate(chain(), {"goal": {"macs": 0.5}})
    (fault,) = caught.value.diagnostics
    assert fault.help == "write `macs: 0.5x` for that part of what there is; a bare number counts macs"


def test_limits_hold_for_every_layer() -> None:
    found = allocate(chain(), {"goal": {"parameters": "0.3x"}, "max_level": 0.75, "min_channels": 6})
    for share in found.layers.values():
        assert share.kept >= max(6, share.had / 4)
    found = allocate(chain(), {"goal": {"parameters": "0.4x"}, "channel_multiple": 8})
    assert {share.kept % 8 for share in found.layers.values()} == {0}
    assert allocate(chain(), {"goal": {"parameters": "0.4x"}}, on="tx2").layers == found.layers


def test_selected_layers_keep_their_level_and_skipped_ones_all() -> None:
    found = allocate(chain(), {"goal": {"parameters": "0.5x"}, "levels": {"first": 0.25}, "skip": ["last"]})
    assert (found.layers["first"].kept, found.layers["first"].why) == (12, "a level of its own")
    assert "last" not in found.layers
    assert found.layers["middle"].kept < 64


def test_lint_meets_the_same_goal_without_looking_at_weights() -> None:
    for name in COSTS:
        options = {"scope": "global", "goal": {name: "0.5x"}}
        stand_in = apply("level-prune", chain(), options, on="host", is_stand_in=True)
        assert isinstance(stand_in.decision, Kept) and stand_in.decision.allocation is not None
        found = stand_in.decision.allocation
        assert 0.9 * found.goal < found.reached <= found.goal
        shares = [share.kept / share.had for share in found.layers.values()]
        assert max(shares) - min(shares) < 0.13


def test_a_local_level_is_the_global_one_with_fixed_counts() -> None:
    local = apply("level-prune", chain(), {"level": 0.5})
    fixed = apply("level-prune", chain(), {"level": 0.5, "levels": {"Conv": 0.5}, "scope": "global"})
    assert isinstance(local.decision, Kept) and isinstance(fixed.decision, Kept)
    assert local.decision.kept == fixed.decision.kept


def test_greedy_agrees_with_lagrange_where_savings_are_fixed() -> None:
    """With the first and the last layer held, a unit of the rest saves the same whatever else goes.

    Lagrange: with a price L per parameter every group keeps the units whose damage is above L times their saving.
    """
    program = parse_program("""
    g (float[1,3,4,4] x) => (float[1,2,4,4] p, float[1,2,4,4] q, float[1,2,4,4] r)
       <float[20,3,1,1] w, float[2,20,1,1] s, float[30,3,3,3] u, float[2,30,1,1] t,
        float[25,3,1,1] v, float[2,25,1,1] o>
    {
       [one] a = Conv (x, w) [p] p = Conv (a, s)
       [two] b = Conv <pads: ints = [1, 1, 1, 1]> (x, u) [q] q = Conv (b, t)
       [three] c = Conv (x, v) [r] r = Conv (c, o)
    }
    """)
    channels = find_channels(program)
    ledger = measure("parameters", program, channels, channels.groups, target("host").cost)
    rng = np.random.default_rng(5)
    sizes: list[int] = ledger.widths.most.tolist()
    costs: list[NDArray[np.float64]] = [np.sort(rng.random(n - 1)) for n in sizes]
    savings = [ledger.saving(group, 1) for group in range(3)]
    choices = [Choice(n, 1, 1, np.concatenate([[0.0], np.cumsum(c)])) for n, c in zip(sizes, costs, strict=True)]
    start = ledger.widths.most.copy()
    taken = steps(ledger, choices, per_saving)
    for goal in (600.0, 450.0, 300.0, 150.0):
        found = first_within(ledger, start, taken, goal)
        assert found is not None
        low, high = 0.0, 1.0
        for _ in range(60):
            price = (low + high) / 2
            kept = [n - int(np.count_nonzero(c <= price * g)) for n, c, g in zip(sizes, costs, savings, strict=True)]
            low, high = (low, price) if ledger.total(np.array(kept)) <= goal else (price, high)
        kept = [n - int(np.count_nonzero(c <= high * g)) for n, c, g in zip(sizes, costs, savings, strict=True)]
        assert found.tolist() == kept


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Field required"),
        ({"scope": "global"}, "Field required"),
        ({"level": 0.5, "goal": {"macs": 5}}, "`goal` needs `scope: global`"),
        ({"level": 0.5, "max_level": 0.5}, "`max_level` needs `scope: global`"),
        ({"level": 0.5, "sensitivity_images": 1}, "`sensitivity_images` needs `scope: global`"),
        ({"scope": "global", "goal": {}}, "state one of parameters, macs, bytes and predicted_ms"),
        ({"scope": "global", "goal": {"macs": 5, "bytes": 5}}, "state one of"),
        ({"scope": "global", "goal": {"macs": "half"}}, "should match pattern"),
        ({"scope": "global", "goal": {"macs": 0}}, "greater than 0"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LevelPrune.model_validate(options)
