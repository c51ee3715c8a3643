"""What holds of half precision on random networks: sound graphs, no cast there and back, values that are halves."""

import numpy as np
from hypothesis import HealthCheck, given, settings

from compiler.ir import Program, model_bytes, parse_program, refresh_types, verify
from compiler.reference import Session
from compiler.rewrites.emulate_half import emulated
from tests.support.networks import networks
from tests.support.running import distance, outputs_of
from tests.support.steps import apply

many = settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)
CLOSE = 0.02


@many
@given(program=networks())
def test_a_network_in_half_precision_is_sound_and_keeps_its_inputs_and_outputs(program: Program) -> None:
    narrow = apply("fp16", program, {"arithmetic": "half"}, on="host").program
    assert verify(narrow) == []
    assert [narrow.type(name) for name in narrow.inputs] == [program.type(name) for name in program.inputs]
    assert [narrow.type(name) for name in narrow.outputs] == [program.type(name) for name in program.outputs]
    for cast in (op for op in narrow.each() if op.op_type == "Cast"):
        maker = narrow.producer(cast.x)
        assert maker is None or maker.op_type != "Cast"
    assert distance(outputs_of(program), outputs_of(narrow)) < CLOSE


@many
@given(program=networks())
def test_emulated_values_are_halves_and_close_to_what_they_stand_for(program: Program) -> None:
    for on, options in (("host", {"arithmetic": "half"}), ("tx2", {})):
        twin = emulated(apply("fp16", program, options, on=on).program)
        assert twin is not None
        refresh_types(twin)
        assert verify(twin) == []
        found = outputs_of(twin)
        assert distance(outputs_of(program), found) < CLOSE
        for value in found.values():
            assert np.array_equal(value, value.astype(np.float16).astype(np.float32))


def test_the_emulation_rounds_where_the_runtime_on_the_host_does_not() -> None:
    program = parse_program("""
    g (float[1] x) => (float[1] y) <float[1] large = {1024.0}>
    { [up] a = Add (x, large)  [down] y = Sub (a, large) }
    """)
    refresh_types(program)
    narrow = apply("fp16", program, {"arithmetic": "half", "headroom": 1}, on="host").program
    twin = emulated(narrow)
    assert twin is not None
    feeds = {"x": np.asarray([0.3], np.float32)}
    assert Session(model_bytes(twin)).run(feeds)["y"].item() == 0.0
    assert abs(Session(model_bytes(narrow)).run(feeds)["y"].item() - 0.3) < 1e-3
