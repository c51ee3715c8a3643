"""Draw the quickstart's images: handwritten digits on photographs, with the box of each digit.

Digits are scikit-learn's `load_digits` (8 x 8 scans of real handwriting), photographs its `load_sample_images` (a
temple and a flower). Training and calibration use the first 1400 digits and columns 0 to 399 of both photographs;
validation uses the other 397 digits and columns 400 to 639. So nothing that is validated on has been trained on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

WIDTH, HEIGHT = 160, 128
Box = tuple[float, float, float, float]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Material:
    """What pictures are made from: digits as ink masks (0 to 1), and photographs."""

    digits: NDArray[np.float32]
    photographs: tuple[Bytes, ...]


@dataclass(frozen=True)
class Picture:
    """A photograph with digits on it; boxes are x, y, width, height in pixels."""

    pixels: Bytes
    boxes: tuple[Box, ...]


def training_material() -> Material:
    """Return the digits and the parts of the photographs that training may see."""
    return Material(_digits()[:1400], tuple(photograph[:, :400] for photograph in _photographs()))


def validation_material() -> Material:
    """Return the digits and the parts of the photographs that are kept for validation."""
    return Material(_digits()[1400:], tuple(photograph[:, 400:] for photograph in _photographs()))


def draw(material: Material, seed: int, count: int) -> Iterator[Picture]:
    """Yield `count` pictures with 1 to 4 digits each; the same seed gives the same pictures."""
    for child in np.random.SeedSequence(seed).spawn(count):
        yield _picture(material, np.random.default_rng(child))


def _digits() -> NDArray[np.float32]:
    return (load_digits().images / 16).astype(np.float32)


def _photographs() -> tuple[Bytes, ...]:
    return tuple(load_sample_images().images)


def _picture(material: Material, rng: np.random.Generator) -> Picture:
    pixels = _background(material, rng)
    boxes: list[Box] = []
    for _ in range(int(rng.integers(1, 5))):
        mask = _mask(material, rng)
        # A digit that finds no free place in ten tries is left out; the first always finds one.
        for _ in range(10):
            left = int(rng.integers(0, WIDTH - mask.shape[1] + 1))
            top = int(rng.integers(0, HEIGHT - mask.shape[0] + 1))
            if not any(_touch((left, top, mask.shape[1], mask.shape[0]), box) for box in boxes):
                _ink(pixels[top : top + mask.shape[0], left : left + mask.shape[1]], mask, rng)
                boxes.append((float(left), float(top), float(mask.shape[1]), float(mask.shape[0])))
                break
    return Picture(pixels.round().astype(np.uint8), tuple(boxes))


def _background(material: Material, rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut a piece out of a photograph, at a random zoom, maybe mirrored, lighter or darker."""
    photograph = material.photographs[int(rng.integers(len(material.photographs)))]
    zoom = float(rng.uniform(0.8, 1.45))
    width, height = round(WIDTH * zoom), round(HEIGHT * zoom)
    left = int(rng.integers(0, photograph.shape[1] - width + 1))
    top = int(rng.integers(0, photograph.shape[0] - height + 1))
    piece = Image.fromarray(photograph[top : top + height, left : left + width])
    pixels = np.asarray(piece.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR), np.float32)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    return np.clip(pixels * float(rng.uniform(0.7, 1.2)), 0, 255)


def _mask(material: Material, rng: np.random.Generator) -> NDArray[np.float32]:
    """Enlarge a digit to 16 to 56 pixels, turn it a little, and cut it out along its strokes."""
    digit = material.digits[int(rng.integers(len(material.digits)))]
    size = round(16 * 3.5 ** float(rng.random()))
    # A margin of two cells, so that turning cuts nothing off.
    image = Image.fromarray(np.pad(digit, 2)).resize((size * 12 // 8, size * 12 // 8), Image.Resampling.BICUBIC)
    turned = image.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BILINEAR)
    mask = np.clip(np.asarray(turned, np.float32), 0, 1)
    rows, columns = np.nonzero((mask > 0.35).any(axis=1))[0], np.nonzero((mask > 0.35).any(axis=0))[0]
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _touch(one: Box, other: Box) -> bool:
    apart_x = one[0] + one[2] <= other[0] or other[0] + other[2] <= one[0]
    apart_y = one[1] + one[3] <= other[1] or other[1] + other[3] <= one[1]
    return not (apart_x or apart_y)


def _ink(place: NDArray[np.float32], mask: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Write a digit in a colour that stands out from what is below it, light on dark or dark on light."""
    below = float(place.mean())
    contrast = float(rng.uniform(80, 150))
    light = below + contrast if below + contrast <= 255 and (below < 128 or below - contrast < 0) else below - contrast
    colour = np.clip(light + rng.uniform(-25, 25, 3), 0, 255).astype(np.float32)
    strength = mask[:, :, np.newaxis] * np.float32(rng.uniform(0.8, 1.0))
    place[:] = place * (1 - strength) + colour * strength
