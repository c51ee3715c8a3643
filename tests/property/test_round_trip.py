"""A program survives being written and read, copied, and printed."""

from hypothesis import HealthCheck, given, settings

from compiler.ir import Program, digest, dump, from_model, model_bytes, parse_program, refresh_types, to_model, verify
from tests.support.networks import networks
from tests.support.running import distance, outputs_of

many = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@many
@given(program=networks())
def test_writing_and_reading_a_program_keeps_its_digest_and_outputs(program: Program) -> None:
    again = from_model(to_model(program))
    refresh_types(again)
    assert digest(again) == digest(program)
    assert model_bytes(again) == model_bytes(program)
    assert distance(outputs_of(program), outputs_of(again)) == 0


@many
@given(program=networks())
def test_a_clone_is_equal_and_independent(program: Program) -> None:
    before, twin = digest(program), program.clone()
    assert digest(twin) == before
    for op in list(twin.each()):
        twin.set_attribute(op, "touched", 1)
        if op.inputs and twin.is_constant(op.inputs[-1]):
            value = twin.const(op.inputs[-1])
            assert value is not None
            twin.give_const(op, len(op.inputs) - 1, value * 2)
    assert digest(program) == before
    assert digest(twin) != before
    assert program.journal == ()


@many
@given(program=networks())
def test_a_dump_reads_back_as_the_same_structure(program: Program) -> None:
    again = parse_program(dump(program))
    assert verify(again) == []
    assert dump(again) == dump(program)
