"""What holds of integers for TensorRT on random networks: where pairs stand, and that its rules have nothing to say."""

from hypothesis import HealthCheck, given, settings

from compiler.analysis.quantization.forms import WEIGHTED
from compiler.diagnostic import Severity
from compiler.ir import Op, Program, ProgramView, digest, refresh_types, verify
from compiler.registry import load_named_target, rules
from tests.support.networks import networks
from tests.support.running import distance, outputs_of
from tests.support.steps import apply

many = settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)
FAR = 0.3


@many
@given(program=networks())
def test_layers_with_weights_read_pairs_and_nobody_finds_fault_with_them(program: Program) -> None:
    before = digest(program)
    applied = apply("ptq", program, on="xavier-nx")
    after = applied.program
    refresh_types(after)
    assert verify(after) == []
    assert digest(program) == before
    assert distance(outputs_of(program), outputs_of(after)) < FAR
    floats = {skip.layer for skip in applied.log.skipped}
    for op in after.each():
        if op.op_type in WEIGHTED and op.name not in floats and not op.domain:
            assert _is_paired(after, op.x) and _is_paired(after, op.input(1)), op.name
            assert not op.has(2) or after.is_constant(op.input(2)), op.name
    for name in ("xavier-nx", "orin-nano"):
        target = load_named_target(name)
        found = [item for rule in rules() for item in rule.check(after, target) if item.severity is Severity.ERROR]
        assert [item for item in found if _is_about_pairs(item.layer, after)] == []


@many
@given(program=networks())
def test_tensors_that_are_picked_from_each_other_have_one_scale(program: Program) -> None:
    after = apply("ptq", program, on="xavier-nx").program
    picked = ("MaxPool", "Concat", "Reshape", "Flatten", "Transpose", "Slice")
    for op in after.each():
        readers = after.readers(op.y)
        if op.op_type in picked and readers and readers[0].op_type == "QuantizeLinear":
            scale = after.const(readers[0].input(1))
            makers = [maker for name in op.inputs if (maker := after.producer(name)) is not None]
            for maker in makers:
                if maker.op_type == "DequantizeLinear":
                    assert after.const(maker.input(1)) == scale, op.name


def _is_paired(program: ProgramView, tensor: str) -> bool:
    maker = program.producer(tensor)
    if maker is None or maker.op_type != "DequantizeLinear":
        return False
    source = program.producer(maker.x)
    return source is not None and source.op_type == "QuantizeLinear"


def _is_about_pairs(layer: str | None, program: ProgramView) -> bool:
    """Tell whether a finding names a conversion, or a layer that reads one."""
    if layer is None or not program.has_op(name := layer.rsplit(" (", 1)[0]):
        return False
    op: Op = program.op(name)
    makers = [program.producer(tensor) for tensor in op.inputs]
    return any(item is not None and item.op_type.endswith("quantizeLinear") for item in (op, *makers))
