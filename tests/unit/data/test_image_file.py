"""Image files whose pixels could be taken for something else are refused, or taken as the recipe says."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compiler.data.datasets import read_samples
from compiler.data.preprocess import Preprocess
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError
from tests.support.pictures import noise

_ORIENTATION = 0x0112


def _turned(folder: Path, mark: int) -> Image.Image:
    """Save a lying image of 6 x 4 with a rotation mark."""
    image, exif = noise(6, 4), Image.Exif()
    exif[_ORIENTATION] = mark
    image.save(folder / "a.png", exif=exif)
    return image


def _read(folder: Path, orientation: str | None = None) -> np.ndarray:
    settings = Preprocess.model_validate({"resize": "none", "scale": 1, "orientation": orientation})
    (sample,) = read_samples(DataSource(images=folder), settings)
    return sample.array[0].transpose(1, 2, 0)


def test_a_rotation_mark_needs_a_word_of_the_recipe(tmp_path: Path) -> None:
    _turned(tmp_path, 6)
    with pytest.raises(CompressError, match=r"R117.*orientation 6"):
        _read(tmp_path)


def test_stored_pixels_stay_and_upright_ones_turn(tmp_path: Path) -> None:
    stored = np.asarray(_turned(tmp_path, 6))
    np.testing.assert_array_equal(_read(tmp_path, "stored"), stored)
    # Mark 6: the first stored row is the picture's right edge, so viewers turn it clockwise.
    np.testing.assert_array_equal(_read(tmp_path, "upright"), np.rot90(stored, -1))


def test_a_mark_that_turns_nothing_needs_no_word(tmp_path: Path) -> None:
    np.testing.assert_array_equal(_read(_turned(tmp_path, 1) and tmp_path), np.asarray(noise(6, 4)))


def test_images_of_sixteen_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(CompressError, match=r"R118.*a\.png"):
        _read(tmp_path)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_other_kinds_of_image_give_three_channels(tmp_path: Path, mode: str) -> None:
    noise(6, 4).convert(mode).save(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"))
    assert _read(tmp_path).shape == (4, 6, 3)


def test_transparency_is_dropped_and_leaves_the_colour(tmp_path: Path) -> None:
    image = noise(6, 4)
    image.putalpha(0)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(_read(tmp_path), np.asarray(noise(6, 4)))


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    noise(6, 4).save(tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(b"left by another system")
    assert _read(tmp_path).shape == (4, 6, 3)
