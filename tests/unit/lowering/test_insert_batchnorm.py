"""BatchNormalization that was folded away comes back for training and goes again, outputs unchanged at both moments."""

from pathlib import Path

import numpy as np
import torch

from compiler.analysis.moments import Moments, channel_moments, moments_of
from compiler.frontends.onnx_file import load_onnx
from compiler.ir import Array, BatchNorm, Program, parse_program, refresh_types, verify
from compiler.lowering import lower, write_back
from compiler.rewrites.insert_batchnorm import insert_batchnorm, norm_sites
from tests.support.running import ROUNDING, distance, feeds_for, outputs_of
from tests.support.steps import apply
from tests.unit.lowering.test_lower import batch, run

QUICKSTART = Path(__file__).parents[3] / "recipes" / "quickstart" / "detector.onnx"
FOLDED = """
g (float[1,3,8,8] x) => (float[1,2,8,8] y, float[1,4,8,8] c)
   <float[4,3,3,3] w, float[4] b, float[4,4,1,1] k, float[4,4,1,1] q, float[2,4,1,1] h>
{
   [conv] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w, b)
   [relu] r = Relu (c)
   [widen] d = ConvTranspose (r, q)
   [once] e = Conv (d, k)
   [twice] f = Conv (e, k)
   [head] s = Conv (f, h)
   [prob] y = Sigmoid (s)
}
"""


def samples(program: Program, count: int = 3) -> list[dict[str, Array]]:
    return [feeds_for(program, seed) for seed in range(count)]


def inserted(program: Program) -> Program:
    twin = program.clone()
    insert_batchnorm(twin, channel_moments(program, norm_sites(program).tensors, samples(program)))
    refresh_types(twin)
    assert verify(twin) == []
    return twin


def test_moments_pool_as_if_all_values_were_in_one_tensor() -> None:
    values = np.random.default_rng(5).normal(1000, 1, (6, 3, 4, 5)).astype(np.float32)
    pooled = moments_of(values[:1]) + moments_of(values[1:4]) + moments_of(values[4:])
    whole = values.astype(np.float64)
    assert pooled.count == 6 * 4 * 5
    assert np.allclose(pooled.mean, whole.mean((0, 2, 3)), rtol=1e-13)
    assert np.allclose(pooled.var, whole.var((0, 2, 3)), rtol=1e-9)


def test_moments_are_those_of_the_tensor_that_the_network_computes() -> None:
    program = parse_program(FOLDED)
    seen = channel_moments(program, ["c"], samples(program))["c"]
    values = np.concatenate([outputs_of(program, feeds)["c"] for feeds in samples(program)])
    expected = moments_of(values)
    assert np.allclose(seen.mean, expected.mean, atol=1e-6)
    assert np.allclose(seen.var, expected.var, rtol=1e-5)


def test_only_layers_that_can_have_lost_a_normalisation_get_one() -> None:
    sites = norm_sites(parse_program(FOLDED))
    assert sites.layers == ("widen",)
    assert set(sites.skipped) >= {"once", "twice", "head"}


def test_outputs_stay_the_same_when_it_comes_and_when_it_goes() -> None:
    program = load_onnx(QUICKSTART, {}).program
    program = apply("fold-batchnorm", program).program
    feeds, expected = feeds_for(program, 9), outputs_of(program, feeds_for(program, 9))
    with_norms = inserted(program)
    assert len(list(with_norms.each(BatchNorm))) == len(norm_sites(program).layers) > 5
    assert norm_sites(with_norms).layers == ()
    assert distance(expected, outputs_of(with_norms, feeds)) < ROUNDING
    folded = apply("fold-batchnorm", with_norms).program
    assert distance(expected, outputs_of(folded, feeds)) < ROUNDING
    assert [(op.name, op.outputs) for op in folded.each()] == [(op.name, op.outputs) for op in program.each()]


def test_a_batch_of_the_calibration_images_passes_through_unchanged_in_training() -> None:
    program = parse_program(FOLDED)
    images = np.concatenate([feeds["x"] for feeds in samples(program)])
    module = lower(inserted(program)).train()
    plain = lower(program).eval()
    tensor = torch.from_numpy(images)
    assert torch.allclose(module(tensor)["y"], plain(tensor)["y"], atol=1e-4)


def test_a_trained_normalisation_folds_into_what_the_module_computes() -> None:
    program = inserted(parse_program(FOLDED))
    module = lower(program).train()
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        loss = (module(batch(4, 3, 8, 8))["y"] - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    write_back(module, program)
    folded = apply("fold-batchnorm", program).program
    assert list(folded.each(BatchNorm)) == []
    feeds = feeds_for(folded)
    assert distance(run(module.eval(), feeds), outputs_of(folded, feeds)) < ROUNDING


def test_a_dead_channel_stays_dead_and_finite() -> None:
    program = parse_program(FOLDED)
    twin = program.clone()
    insert_batchnorm(twin, {"d": Moments(4, np.zeros(4), np.zeros(4))})
    refresh_types(twin)
    feeds = feeds_for(program)
    assert distance(outputs_of(program, feeds), outputs_of(twin, feeds)) < ROUNDING
