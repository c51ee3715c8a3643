"""A transposed convolution of any geometry equals its split form, in every way that a target may ask for."""

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from compiler.analysis.deconv_phases import Deconv, read_deconv
from compiler.ir import ConvTranspose, Program, TensorType, refresh_types, verify
from compiler.rewrites.split_deconv import Form, Interleave, split_deconv
from tests.support.running import ROUNDING, distance, outputs_of

many = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Drawn:
    """A network of one transposed convolution."""

    program: Program

    @property
    def op(self) -> ConvTranspose:
        return next(self.program.each(ConvTranspose))


@st.composite
def deconvs(draw: st.DrawFn, rank: int | None = None, stride: int | None = None) -> Drawn:
    """Draw a transposed convolution over one to three axes, all attributes independent per axis.

    With a stride given it is the same along every axis, and there are no dilations and no groups.
    """
    rank = draw(st.integers(1, 3)) if rank is None else rank

    def each(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank))

    kernel, strides, dilations, size = each(1, 5), each(1, 4), each(1, 3), each(1, 5 if rank < 3 else 3)
    group, batch = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2]))
    if stride is not None:
        strides, dilations, group = [stride] * rank, [1] * rank, 1
    extra = [draw(st.integers(0, step - 1)) for step in strides]
    per_group, ins = draw(st.integers(1, 2)), group * draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    program = Program("drawn", {"": 13})
    program.add_input("x", TensorType(FLOAT, (batch, ins, *size)))
    inputs = ["x", program.add_constant("w", rng.normal(0, 1, (ins, per_group, *kernel)).astype(FLOAT))]
    if draw(st.booleans()):
        inputs.append(program.add_constant("b", rng.normal(0, 1, per_group * group).astype(FLOAT)))
    attributes: dict[str, object] = {
        "strides": strides, "dilations": dilations, "group": group, "output_padding": extra
    }  # fmt: skip
    attributes |= draw(st.sampled_from([{}, {}, {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}]))
    if "auto_pad" not in attributes:
        attributes["pads"] = each(0, 4) + each(0, 4)
        whole = [
            s * (n - 1) + e + d * (k - 1) + 1
            for n, s, e, d, k in zip(size, strides, extra, dilations, kernel, strict=True)
        ]
        cut = [b + e for b, e in zip(attributes["pads"][:rank], attributes["pads"][rank:], strict=True)]
        assume(all(w - c > 0 for w, c in zip(whole, cut, strict=True)))
    program.add("ConvTranspose", inputs, ["y"], attributes, name="up")
    program.add_output("y")
    refresh_types(program)
    return Drawn(program)


def check(drawn: Drawn, form: Form, interleave: Interleave) -> None:
    """Split a copy and compare."""
    deconv = read_deconv(drawn.program, drawn.op)
    assume(isinstance(deconv, Deconv))
    assert isinstance(deconv, Deconv)
    twin = drawn.program.clone()
    split_deconv(twin, ConvTranspose(twin.node("up")), deconv, form, interleave)
    expected = {op.name: twin.type(op.y) for op in twin.each()}
    refresh_types(twin)
    assert verify(twin) == []
    assert expected == {op.name: twin.type(op.y) for op in twin.each()}
    assert not list(twin.each(ConvTranspose))
    assert distance(outputs_of(drawn.program), outputs_of(twin)) < ROUNDING


@many
@given(drawn=deconvs())
def test_interleaving_by_reshape_and_concat_is_exact(drawn: Drawn) -> None:
    assume(max(drawn.op.strides) > 1)
    check(drawn, "one-per-phase", "Reshape+Concat")


@many
@given(drawn=deconvs(rank=2))
def test_interleaving_by_depth_to_space_is_exact(drawn: Drawn) -> None:
    assume(drawn.op.strides[0] == drawn.op.strides[1] > 1)
    check(drawn, "one-per-phase", "DepthToSpace")


@many
@given(drawn=st.integers(2, 4).flatmap(lambda stride: deconvs(rank=2, stride=stride)))
def test_one_convolution_for_all_phases_is_exact(drawn: Drawn) -> None:
    check(drawn, "all-in-one", "DepthToSpace")
