"""Which integers stand for which numbers."""

from collections.abc import Iterator, Mapping
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.analysis.quantization import (
    CalibratorName,
    Histogram,
    clipped,
    find_layout,
    gather,
    grid_of,
    quantized,
    watch,
    weight_scales,
)
from compiler.ir import Array, parse_program
from tests.support.steps import target

NETWORK = """
g (float[1,2,4,4] x) => (float[1,4,4,4] y, float[1,2,4,4] z)
   <float[2,2,1,1] w, float[2,2,1,1] u>
{
   [left] a = Conv (x, w)
   [right] b = Conv (x, u)
   [act] r = Relu (a)
   [join] y = Concat <axis: int = 1> (r, b)
   [odd] e = Elu (r)
   [move] z = Transpose <perm: ints = [0, 1, 3, 2]> (e)
}
"""


@settings(max_examples=200, deadline=None)
@given(
    low=st.floats(-1e4, 1e4),
    width=st.floats(0, 1e4),
    dtype=st.sampled_from(["int8", "uint8"]),
    is_symmetric=st.booleans(),
)
def test_a_grid_holds_zero_exactly_and_every_number_of_its_range_nearly(
    low: float, width: float, dtype: str, *, is_symmetric: bool
) -> None:
    grid = grid_of(low, low + width, dtype, is_symmetric=is_symmetric)
    values = np.linspace(min(low, 0.0), max(low + width, 0.0), 97)
    integers = quantized(np.append(values, 0.0), np.asarray(grid.scale), grid.zero_point, dtype).astype(np.float64)
    back = grid.scale * (integers - grid.zero_point)
    assert back[-1] == 0.0
    assert np.abs(back[:-1] - values).max() <= grid.scale * 1.001


def test_filters_have_scales_of_their_own_and_dead_ones_are_harmless() -> None:
    weight = np.array([[[1.27]], [[0.0]], [[-254.0]]], np.float32)
    assert weight_scales(weight, 0).tolist() == pytest.approx([0.01, 1.0, 2.0])


def _histogram(values: Array) -> Histogram:
    found = Histogram()
    for turn, part in enumerate(np.array_split(values.astype(np.float32), 40)):
        found.add(part, turn)
    return found


@pytest.mark.parametrize("name", ["percentile", "entropy"])
def test_a_rare_extreme_is_cut_off(name: CalibratorName) -> None:
    values = np.append(np.random.default_rng(0).normal(0, 1, 100_000), 500.0)
    low, high = clipped(_histogram(values), name)
    assert high < 250
    assert low > -10
    assert clipped(_histogram(values), "minmax")[1] == 500.0


def test_entropy_does_not_let_zeros_decide() -> None:
    values = np.maximum(np.random.default_rng(0).normal(-0.5, 1, 100_000), 0)
    assert clipped(_histogram(values), "entropy")[1] > 2


@pytest.mark.parametrize("name", ["minmax", "percentile", "entropy", "mse"])
@pytest.mark.parametrize("values", [[0.0], [3.0, 3.0], [-2e-38, 3e-38], [np.nan, np.inf], [-3e38, 3e38]])
def test_odd_tensors_have_a_range_too(name: CalibratorName, values: list[float]) -> None:
    low, high = clipped(_histogram(np.array(values)), name)
    assert np.isfinite([low, high]).all()
    assert low <= high


@pytest.mark.parametrize("name", ["minmax", "percentile", "entropy", "mse"])
def test_an_even_spread_is_covered(name: CalibratorName) -> None:
    low, high = clipped(_histogram(np.linspace(-1, 3, 100_001)), name)
    assert high - low > 3.6


def test_least_squared_error_is_what_mse_finds() -> None:
    values = np.random.default_rng(0).laplace(0, 1, 200_000)
    errors: dict[CalibratorName, float] = {}
    names: tuple[CalibratorName, ...] = ("minmax", "percentile", "mse")
    for name in names:
        grid = grid_of(*clipped(_histogram(values), name), "uint8", is_symmetric=False)
        integers = quantized(values, np.asarray(grid.scale), grid.zero_point, "uint8").astype(np.float64)
        errors[name] = float(np.square(grid.scale * (integers - grid.zero_point) - values).mean())
    assert errors["mse"] == min(errors.values())


def test_ranges_and_means_stream_over_the_images() -> None:
    program = parse_program(NETWORK)
    images = [np.full((1, 2, 4, 4), value, np.float32) for value in (1.0, -3.0)]

    def stream() -> Iterator[Mapping[str, Array]]:
        return ({"x": image} for image in images)

    found = gather(watch(program, ["e"]), ["x", "e"], ["x"], stream)[0]
    seen = found.histograms["x"]
    assert (seen.low, seen.high, int(seen.counts.sum())) == (-3.0, 1.0, 64)
    assert found.means["x"].tolist() == [-1.0, -1.0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.floats(width=32), min_size=1, max_size=30), min_size=1, max_size=6), st.randoms())
def test_a_histogram_does_not_depend_on_the_order_of_images(images: list[list[float]], order: Random) -> None:
    arrays = [np.array(image, np.float32) for image in images]
    one, other = Histogram(), Histogram()
    for array in arrays:
        one.add(array)
    for array in order.sample(arrays, len(arrays)):
        other.add(array)
    finite = np.concatenate(arrays)[np.isfinite(np.concatenate(arrays))]
    assert (one.low, one.high, one.exponent, one.first) == (other.low, other.high, other.exponent, other.first)
    assert one.counts.tolist() == other.counts.tolist()
    assert int(one.counts.sum()) == finite.size
    assert len(one.counts) <= 2048
    width = 2.0**one.exponent
    if finite.size:
        wanted = np.floor(finite.astype(np.float64) / width) - one.first
        assert one.counts.tolist() == np.bincount(wanted.astype(int), minlength=len(one.counts)).tolist()


def test_regions_of_integers_end_where_there_is_no_kernel() -> None:
    entry = target("host").precisions["int8"]
    assert entry.scheme is not None
    program = parse_program(NETWORK)
    every = {op.name for op in program.each()}
    layout = find_layout(program, entry.scheme, every, set(), {})
    assert layout.layers == ("left", "right", "act", "join")
    assert set(layout.tensors) == {"x", "r", "b", "y"}
    assert layout.floats == {"odd": "Elu has no integer kernel on this target"}
    assert set(layout.roots.values()) == {"x", "r", "b", "y"}


def test_tensors_share_a_scale_where_the_kernels_want_it() -> None:
    entry = target("host").precisions["int8"]
    assert entry.scheme is not None
    scheme = entry.scheme.model_copy(update={"shared": ("Concat",)})
    program = parse_program(NETWORK)
    layout = find_layout(program, scheme, {op.name for op in program.each()}, set(), {})
    assert layout.roots["r"] == layout.roots["b"] == layout.roots["y"] != layout.roots["x"]
