"""Channel identities: which filters go together, told apart from which must stay."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.analysis.channels import find_channels
from compiler.analysis.channels.identities import components
from compiler.ir import parse_program

edges = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        st.just(count), st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40)
    )
)


@settings(max_examples=200)
@given(graph=edges)
def test_components_are_labelled_by_their_smallest_member(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = graph
    expected = list(range(count))
    for _ in range(count):
        for a, b in pairs:
            expected[a] = expected[b] = min(expected[a], expected[b])
    found = components(count, [(np.array([a]), np.array([b])) for a, b in pairs])
    assert found.tolist() == expected


def test_a_residual_network_is_one_group_and_each_inner_layer_another() -> None:
    channels = find_channels(
        parse_program("""
        g (float[1,3,4,4] x) => (float[1,2,4,4] y)
           <float[4,3,1,1] w, float[6,4,1,1] u, float[4,6,1,1] t, float[2,4,1,1] o>
        {
           [stem] a = Conv (x, w)  [wide] b = Conv (a, u)  [back] c = Conv (b, t)
           [add] d = Add (a, c)  [head] y = Conv (d, o)
        }
        """)
    )
    assert [(group.layers, group.units.size) for group in channels.groups] == [(("stem", "back"), 4), (("wide",), 6)]
    assert channels.kept == {"head": "its channels reach the network's output y"}


def test_a_units_score_is_the_sum_over_its_members() -> None:
    channels = find_channels(
        parse_program("""
        g (float[1,3,4,4] x) => (float[1,2,4,4] y) <float[4,3,1,1] w, float[4,3,1,1] u, float[2,4,1,1] o>
        { [one] a = Conv (x, w)  [two] b = Conv (x, u)  [add] d = Add (a, b)  [head] y = Conv (d, o) }
        """)
    )
    scores = {"one": np.array([1.0, 2, 3, 4]), "two": np.array([10.0, 20, 30, 40])}
    assert channels.scores(channels.groups[0], scores).tolist() == [11, 22, 33, 44]


def test_a_network_without_layers_has_no_groups() -> None:
    channels = find_channels(parse_program("g (float[1,3,4,4] x) => (float[1,3,4,4] y) { y = Relu (x) }"))
    assert channels.groups == ()
    assert channels.kept == {}
