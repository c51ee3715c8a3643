"""Channels of very different size between layers, evened out before they get one scale together."""

from collections.abc import Iterator

import numpy as np
import pytest

from compiler.contracts import Context, Log, Sample
from compiler.ir import Program, parse_program
from compiler.rewrites.equalize import even_out
from passes.integers import Quantized
from passes.ptq import Ptq
from tests.support.running import feeds_for, outputs_of
from tests.support.steps import target


def uneven(spread: float) -> Program:
    """Chain a 1x1, a depthwise and a 1x1 convolution; the first makes channels of sizes from 1 to `spread`."""
    program = parse_program("""
    g (float[1,4,8,8] x) => (float[1,4,8,8] y) <float[16,4,1,1] w, float[16,1,3,3] d, float[4,16,1,1] v>
    {
       [wide] a = Conv (x, w)  [relu] b = Relu (a)
       [depthwise] c = Conv <group: int = 16, pads: ints = [1, 1, 1, 1]> (b, d)  [again] e = Relu (c)
       [narrow] y = Conv (e, v)
    }
    """)
    rng = np.random.default_rng(0)
    factors = np.geomspace(1, spread, 16).reshape(16, 1, 1, 1)
    for name, shape, factor in (
        ("w", (16, 4, 1, 1), factors),
        ("d", (16, 1, 3, 3), 1 / factors),
        ("v", (4, 16, 1, 1), 1),
    ):
        program.replace_constant(name, (rng.normal(0, 1, shape) * factor).astype(np.float32))
    return program


def quantised(program: Program, on: str, *, equalize: bool | None) -> tuple[Quantized, float]:
    """Quantise, and return the decision and the outputs' signal-to-noise ratio on another image, in dB."""

    def images() -> Iterator[Sample]:
        return (feeds_for(program, seed) for seed in range(8))

    todo = Ptq(equalize=equalize)
    decision = todo.decide(program, Context(target(on), np.random.default_rng(0), images))
    twin, sample = program.clone(), feeds_for(program, 99)
    todo.rewrite(twin, decision, Log())
    true, found = outputs_of(program, sample)["y"], outputs_of(twin, sample)["y"]
    return decision, float(10 * np.log10(np.square(true).sum() / np.square(found - true).sum()))


@pytest.mark.parametrize("on", ["host", "orin-nano"])
def test_filters_with_own_scales_let_channels_be_evened_out_by_what_they_hold(on: str) -> None:
    _, before = quantised(uneven(300), on, equalize=False)
    decision, after = quantised(uneven(300), on, equalize=None)
    assert decision.is_equalized
    assert set(decision.peaks) == {"depthwise", "narrow"}
    assert after > before + 10
    assert min(decision.layer_sqnr_db.values()) > 20


def test_channels_of_like_size_stay_as_they_are() -> None:
    decision, _ = quantised(uneven(1), "host", equalize=None)
    assert not decision.is_equalized
    assert decision.peaks == {}


def test_one_scale_for_all_filters_asks_for_even_filters() -> None:
    decision, after = quantised(uneven(300), "rk3399", equalize=None)
    assert decision.is_equalized
    assert decision.peaks == {}
    assert after > 20


def test_a_channel_that_is_faint_on_a_few_images_is_not_blown_up() -> None:
    peaks = {"depthwise": (1e-6, *(1.0,) * 15)}
    divisors = even_out(uneven(1), peaks)["b"]
    assert divisors.max() / divisors.min() < 300
