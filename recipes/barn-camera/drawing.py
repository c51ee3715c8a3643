"""Draw the barn camera's pictures: shoes and other clothes on photographs, with the box of each shoe.

The clothes are Fashion-MNIST's photographs (Xiao et al. 2017, MIT; Debian's package `dataset-fashion-mnist`), cut out
along their outline and coloured. Sandals, sneakers and boots are the one class to find; shirts, trousers, dresses and
bags lie about as well and are to be left alone. The photographs underneath are scikit-learn's `load_sample_images`.
Training uses the 60,000 training pieces and columns 0 to 399 of both photographs; validation the 10,000 test pieces and
columns 400 to 639. So nothing that is validated on has been trained on.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

CLOTHES = Path("/usr/share/datasets/fashion-mnist")
SHOES = (5, 7, 9)
SMALLEST, LARGEST = 28, 168
Box = tuple[float, float, float, float]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """What pictures are made from: pieces of clothing of shape [n, 28, 28], which are shoes, and photographs."""

    pieces: Bytes
    is_shoe: NDArray[np.bool_]
    photographs: tuple[Bytes, ...]


@dataclass(frozen=True)
class Picture:
    """A photograph with clothes on it; boxes of the shoes are x, y, width, height in pixels."""

    pixels: Bytes
    boxes: tuple[Box, ...]


def training_material() -> Material:
    """Return the pieces and the parts of the photographs that training may see."""
    return _material("train", slice(0, 400))


def validation_material() -> Material:
    """Return the pieces and the parts of the photographs that are kept for validation."""
    return _material("t10k", slice(400, 640))


def draw(material: Material, seed: int, count: int, size: tuple[int, int]) -> Iterator[Picture]:
    """Yield `count` pictures of a height and width; the same seed gives the same pictures."""
    for child in np.random.SeedSequence(seed).spawn(count):
        yield draw_one(material, np.random.default_rng(child), size)


def draw_one(material: Material, rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Put about one shoe and one other piece on every 150 x 150 pixels of a photograph."""
    pixels = _background(material, rng, size)
    taken: list[Box] = []
    shoes: list[Box] = []
    for _ in range(int(rng.poisson(size[0] * size[1] / 150**2)) + 1):
        is_shoe = bool(rng.random() < 0.6)
        patch, mask = _piece(material, rng, is_shoe=is_shoe)
        height, width = mask.shape
        if height >= size[0] or width >= size[1]:
            continue
        left, top = int(rng.integers(0, size[1] - width)), int(rng.integers(0, size[0] - height))
        box = (float(left), float(top), float(width), float(height))
        if any(_touch(box, other) for other in taken):
            continue
        taken.append(box)
        place = pixels[top : top + height, left : left + width]
        place[:] = place * (1 - mask[..., None]) + patch * mask[..., None]
        if is_shoe:
            shoes.append(box)
    noise = rng.normal(0, rng.uniform(0, 6), pixels.shape)
    return Picture(np.clip(pixels + noise, 0, 255).round().astype(np.uint8), tuple(shoes))


def _material(part: str, columns: slice) -> Material:
    pieces = np.frombuffer(_unpacked(f"{part}-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.frombuffer(_unpacked(f"{part}-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    photographs = tuple(photograph[:, columns] for photograph in load_sample_images().images)
    return Material(pieces, np.isin(labels, SHOES), photographs)


def _unpacked(name: str) -> bytes:
    if not CLOTHES.is_dir():
        raise SystemExit(f"{CLOTHES} is missing: install Debian's package dataset-fashion-mnist")
    return gzip.decompress((CLOTHES / name).read_bytes())


def _background(material: Material, rng: np.random.Generator, size: tuple[int, int]) -> Floats:
    """Cut a piece out of a photograph, at a random zoom, maybe mirrored, lighter or darker."""
    photograph = material.photographs[int(rng.integers(len(material.photographs)))]
    least = max(1.0, size[0] / photograph.shape[0], size[1] / photograph.shape[1])
    zoom = float(rng.uniform(least, max(least, 3.0)))
    height, width = int(size[0] / zoom), int(size[1] / zoom)
    top = int(rng.integers(0, photograph.shape[0] - height + 1))
    left = int(rng.integers(0, photograph.shape[1] - width + 1))
    piece = Image.fromarray(photograph[top : top + height, left : left + width])
    pixels = np.asarray(piece.resize((size[1], size[0]), Image.Resampling.BICUBIC), np.float32)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    return np.array(np.clip(pixels * rng.uniform(0.6, 1.2) * rng.uniform(0.85, 1.15, 3), 0, 255), np.float32)


def _piece(material: Material, rng: np.random.Generator, *, is_shoe: bool) -> tuple[Floats, Floats]:
    """Enlarge a piece of clothing, turn it, colour it, and cut it out along its outline: pixels and mask."""
    chosen = np.flatnonzero(material.is_shoe == is_shoe)
    piece = material.pieces[chosen[int(rng.integers(chosen.size))]]
    side = round(SMALLEST * (LARGEST / SMALLEST) ** float(rng.random()) * 1.3)
    image = Image.fromarray(np.pad(piece, 4)).resize((side, side), Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    grey = np.asarray(image.rotate(float(rng.uniform(-25, 25)), Image.Resampling.BICUBIC), np.float32)
    mask = np.clip((grey - 12) / 24, 0, 1)
    rows, columns = np.flatnonzero((mask > 0.5).any(axis=1)), np.flatnonzero((mask > 0.5).any(axis=0))
    if not rows.size:
        return _piece(material, rng, is_shoe=is_shoe)
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    light = grey[window] / 255
    dark, bright = rng.uniform(0, 110, 3), rng.uniform(90, 255, 3)
    colour = dark + (bright - dark) * light[..., None]
    return colour.astype(np.float32), (mask[window] * rng.uniform(0.85, 1.0)).astype(np.float32)


def _touch(one: Box, other: Box) -> bool:
    apart_x = one[0] + one[2] <= other[0] or other[0] + other[2] <= one[0]
    apart_y = one[1] + one[3] <= other[1] or other[1] + other[3] <= one[1]
    return not (apart_x or apart_y)
