"""level-prune rounds counts for the target in a step of its own, and says so."""

import pytest

from compiler.ir import Program, parse_program
from passes.decisions.kept import Kept
from tests.support.steps import Applied, apply


def network() -> Program:
    return parse_program("""
    g (float[1,3,2,2] x) => (float[1,2,2,2] y)
       <float[36,3,1,1] w, float[12,36,1,1] u, float[2,12,1,1] o>
    { [wide] a = Conv (x, w)  [narrow] b = Conv (a, u)  [head] y = Conv (b, o) }
    """)


def kept(applied: Applied) -> Kept:
    assert isinstance(applied.decision, Kept)
    return applied.decision


@pytest.mark.parametrize(("on", "counts"), [("tx2", (24, 8)), ("rk3399", (20, 8)), ("host", (18, 6))])
def test_counts_are_rounded_up_to_what_the_target_prefers(on: str, counts: tuple[int, int]) -> None:
    decision = kept(apply("level-prune", network(), {"level": 0.5}, on=on))
    assert (len(decision.kept["wide"]), len(decision.kept["narrow"])) == counts
    asked = {"wide": 18, "narrow": 6}
    assert decision.rounded == {
        layer: (asked[layer], len(decision.kept[layer])) for layer in asked if len(decision.kept[layer]) != asked[layer]
    }


def test_a_written_multiple_wins_over_the_target_and_over_the_preset() -> None:
    paper = {"preset": "paper"}
    for options, counts in (
        ({"channel_multiple": 1}, (18, 6)),
        ({"channel_multiple": 5}, (20, 10)),
        ({"cluster": paper}, (18, 6)),
        ({"cluster": paper, "channel_multiple": 8}, (24, 8)),
    ):
        decision = kept(apply("level-prune", network(), {"level": 0.5, **options}, on="tx2"))
        assert (len(decision.kept["wide"]), len(decision.kept["narrow"])) == counts


def test_rounding_never_keeps_more_than_there_are_and_says_where_a_layer_stays_whole() -> None:
    applied = apply("level-prune", network(), {"level": 0.25}, on="tx2")
    decision = kept(applied)
    assert decision.rounded == {"wide": (27, 32), "narrow": (9, 12)}
    assert "narrow" not in decision.kept
    (note,) = applied.log.findings
    assert (note.code.id, note.message) == ("P023", "rounding up to a multiple of channels keeps layers whole: narrow")


def test_the_stand_in_rounds_as_the_build_does() -> None:
    for on in ("tx2", "host"):
        real = apply("level-prune", network(), {"level": 0.5}, on=on)
        stand_in = apply("level-prune", network(), {"level": 0.5}, on=on, is_stand_in=True)
        assert kept(real).rounded == kept(stand_in).rounded
        assert real.program.shape("a") == stand_in.program.shape("a")
