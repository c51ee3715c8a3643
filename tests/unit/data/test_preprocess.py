"""Photographs become arrays, and boxes travel both ways."""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from compiler.data.preprocess import Geometry, Preprocess, prepare
from compiler.diagnostic import CompressError

FLAT = Image.new("RGB", (40, 20), (255, 0, 51))


def test_letterbox_maps_boxes_back_to_the_photograph() -> None:
    _, geometry = prepare(Image.new("RGB", (301, 97)), Preprocess(size=(64, 96)))
    boxes = np.array([[0.0, 0.0, 301.0, 97.0], [10.5, 3.25, 200.0, 50.0]])
    np.testing.assert_allclose(geometry.to_photograph(geometry.to_input(boxes)), boxes, atol=1e-9)


def test_letterbox_maps_the_whole_photograph_onto_what_is_not_padding() -> None:
    array, geometry = prepare(FLAT, Preprocess(size=(32, 32)))
    assert geometry.to_input(np.array([[0.0, 0.0, 40.0, 20.0]])).tolist() == [[0, 8, 32, 24]]
    assert np.unique(array[0, 0, 8:24]).tolist() == [1.0]
    assert np.unique(array[0, 0, :8]).tolist() == pytest.approx([114 / 255])
    assert np.unique(array[0, 0, 24:]).tolist() == pytest.approx([114 / 255])


def test_letterbox_of_a_thread_keeps_one_pixel() -> None:
    array, geometry = prepare(Image.new("RGB", (1000, 1)), Preprocess(size=(32, 32)))
    assert array.shape == (1, 3, 32, 32)
    assert geometry.scale_y == 1.0


def test_stretch_fills_the_input_and_maps_back() -> None:
    array, geometry = prepare(FLAT, Preprocess(resize="stretch", size=(60, 60)))
    assert array.shape == (1, 3, 60, 60)
    assert geometry.to_input(np.array([[10.0, 10.0, 20.0, 20.0]])).tolist() == [[15, 30, 30, 60]]
    assert geometry.to_photograph(np.array([[15.0, 30.0, 30.0, 60.0]])).tolist() == [[10, 10, 20, 20]]


def test_without_resize_pixels_stay_as_they_are() -> None:
    array, geometry = prepare(FLAT, Preprocess(resize="none", scale=1))
    assert (array.shape, array.dtype) == ((1, 3, 20, 40), np.float32)
    assert array[0, :, 0, 0].tolist() == [255, 0, 51]
    assert geometry == Geometry(40, 20)


def test_scale_comes_before_mean_and_std_in_the_order_of_the_layout() -> None:
    settings = Preprocess(resize="none", layout="bgr", mean=(0.1, 0.2, 0.5), std=(0.1, 0.2, 0.25))
    array, _ = prepare(FLAT, settings)
    np.testing.assert_allclose(array[0, :, 0, 0], [(0.2 - 0.1) / 0.1, -1.0, 2.0], rtol=1e-5)


def test_grey_and_transparent_images_get_three_channels() -> None:
    for mode in ("L", "LA", "RGBA", "P", "1"):
        assert prepare(Image.new(mode, (8, 8)), Preprocess(size=(8, 8)))[0].shape == (1, 3, 8, 8)


def test_boxes_are_clipped_at_the_edges_of_the_photograph() -> None:
    assert Geometry(40, 20).clip(np.array([[-3.0, -1.0, 50.0, 19.0]])).tolist() == [[0, 0, 40, 19]]


def test_the_model_gives_a_size_only_where_the_recipe_gives_none() -> None:
    assert Preprocess().for_input(8, 16).size == (8, 16)
    assert Preprocess(size=(8, 16)).for_input(8, 16).size == (8, 16)
    with pytest.raises(CompressError, match=r"R127.*4x4.*8x16"):
        Preprocess(size=(4, 4)).for_input(8, 16)


def test_a_network_of_one_channel_takes_grey_images() -> None:
    settings = Preprocess(scale=1).for_input(20, 40, 1)
    array, _ = prepare(FLAT, settings)
    assert (settings.layout, array.shape) == ("grey", (1, 1, 20, 40))
    # The weights of red, green and blue in PIL's grey: 299, 587 and 114 thousandths.
    assert array[0, 0, 0, 0] == round(0.299 * 255 + 0.114 * 51)
    for wrong in (Preprocess(layout="rgb"), Preprocess(mean=(0, 0, 0))):
        with pytest.raises(CompressError, match=r"R127.*1 channels"):
            wrong.for_input(20, 40, 1)
    with pytest.raises(CompressError, match=r"R127.*3 channels"):
        Preprocess(layout="grey", mean=(0.5,)).for_input(20, 40)


def test_an_unknown_size_is_a_diagnostic() -> None:
    with pytest.raises(CompressError, match="R112"):
        prepare(FLAT, Preprocess())


def test_a_wrong_size_without_resize_is_a_diagnostic_with_both_sizes() -> None:
    with pytest.raises(CompressError, match=r"R108.*20x40.*32x32"):
        prepare(FLAT, Preprocess(resize="none", size=(32, 32)))


@pytest.mark.parametrize(
    "options",
    [
        {"mean": [0.5]},
        {"std": [1, 1, 0]},
        {"size": [0, 4]},
        {"pad_value": 256},
        {"resize": "crop"},
        {"colour": "rgb"},
        {"layout": "grey", "std": [1, 1, 1]},
    ],
)
def test_an_option_out_of_its_limits_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Preprocess.model_validate(options)
