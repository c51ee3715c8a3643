"""Draw people who signal with their arms on photographs, with the place of each of 16 joints.

The photographs are scikit-learn's `load_sample_images` (a temple and a flower). Training and calibration use columns
0 to 399 of both, validation columns 400 to 639, so no background that is validated on has been trained on. Joints are
numbered as in MPII: right ankle, knee, hip; left hip, knee, ankle; pelvis, thorax, neck, top of the head; right
wrist, elbow, shoulder; left shoulder, elbow, wrist. A figure faces the camera: its right is on the left.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from sklearn.datasets import load_sample_images

SIZE = 128
HEAD = (8, 9)
"""The ends of the head, whose distance PCKh goes by."""
_FINE = 2
"""Figures are drawn this many times larger and brought down, which smooths their edges."""
_COLUMNS = {"train": (0, 400), "calibration": (0, 400), "validation": (400, 640)}
_SEEDS = {"train": 1, "calibration": 2, "validation": 3}

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[int, int, int]


class Figures:
    """A sequence of labelled pictures, each drawn when it is asked for; the same number gives the same picture."""

    def __init__(self, split: str, count: int) -> None:
        self._split = split
        self._count = count

    def __len__(self) -> int:
        """Count the pictures."""
        return self._count

    def __getitem__(self, index: int) -> Mapping[str, object]:
        """Draw one: the image, the box around the joints, and the joints as x, y, visibility."""
        rng = np.random.default_rng(np.random.SeedSequence(_SEEDS[self._split], spawn_key=(index,)))
        first, last = _COLUMNS[self._split]
        points = _pose(rng)
        background = _background(tuple(photograph[:, first:last] for photograph in _photographs()), rng)
        pixels = _drawn(background, points, rng)
        low, high = points.min(0), points.max(0)
        keypoints = np.concatenate([points, np.full((len(points), 1), 2.0)], 1)
        return {"image": pixels, "boxes": [[*low, *(high - low)]], "keypoints": keypoints[None]}


def figures(split: str, count: int) -> Figures:
    """Open the pictures of a split: train, calibration or validation."""
    return Figures(split, count)


@cache
def _photographs() -> tuple[Bytes, ...]:
    return tuple(load_sample_images().images)


def _background(photographs: tuple[Bytes, ...], rng: np.random.Generator) -> Image.Image:
    """Cut a square out of a photograph, maybe mirrored, lighter or darker."""
    photograph = photographs[int(rng.integers(len(photographs)))]
    side = int(rng.integers(SIZE, 236))
    left = int(rng.integers(0, photograph.shape[1] - side + 1))
    top = int(rng.integers(0, photograph.shape[0] - side + 1))
    piece = photograph[top : top + side, left : left + side]
    pixels = np.clip(piece[:, :: -1 if rng.random() < 0.5 else 1] * rng.uniform(0.6, 1.2), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((SIZE * _FINE, SIZE * _FINE), Image.Resampling.BILINEAR)


def _turned(degrees: float) -> Floats:
    """Return the direction that is so far from straight down, to the right of the picture."""
    return np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])


def _pose(rng: np.random.Generator) -> Floats:
    """Draw a body in units of the torso's length, then turn, scale and place it in the picture."""
    lean, head = rng.normal(0, 7), rng.normal(0, 10)
    pelvis, thorax = np.zeros(2), -_turned(lean)
    neck = thorax - 0.12 * _turned(lean + head / 2)
    top = neck - rng.uniform(0.42, 0.52) * _turned(lean + head)
    across = _turned(lean + 90)
    shoulder, hip = rng.uniform(0.3, 0.4), rng.uniform(0.17, 0.24)
    joints = [np.zeros(2)] * 16
    joints[6], joints[7], joints[8], joints[9] = pelvis, thorax, neck, top
    for side, arm, leg in ((-1, (12, 11, 10), (2, 1, 0)), (1, (13, 14, 15), (3, 4, 5))):
        joints[arm[0]] = thorax + side * shoulder * across + 0.06 * _turned(lean)
        raised, bent = rng.uniform(-10, 170), rng.uniform(-40, 130)
        joints[arm[1]] = joints[arm[0]] + rng.uniform(0.5, 0.6) * _turned(lean + side * raised)
        joints[arm[2]] = joints[arm[1]] + rng.uniform(0.42, 0.55) * _turned(lean + side * (raised + bent))
        joints[leg[0]] = pelvis + side * hip * across
        spread, knee = rng.uniform(-6, 35), rng.uniform(-25, 10)
        joints[leg[1]] = joints[leg[0]] + rng.uniform(0.7, 0.82) * _turned(side * spread)
        joints[leg[2]] = joints[leg[1]] + rng.uniform(0.65, 0.78) * _turned(side * (spread + knee))
    return _placed(np.array(joints), rng)


def _placed(body: Floats, rng: np.random.Generator) -> Floats:
    """Fill 65 to 92 % of the picture with the longer side of the body, at a free place."""
    low, size = body.min(0), np.ptp(body, axis=0)
    scale = rng.uniform(0.65, 0.92) * SIZE / size.max()
    room = SIZE - 1 - scale * size
    return (body - low) * scale + rng.uniform(0.1, 0.9, 2) * room


def _drawn(picture: Image.Image, points: Floats, rng: np.random.Generator) -> Bytes:
    """Draw legs, trunk, head and arms over each other, then blur and grain the whole picture."""
    at, draw = points * _FINE, ImageDraw.Draw(picture)
    unit = float(np.linalg.norm(at[6] - at[7]))
    shirt, trousers, hair = (_colour(rng.integers(0, 256, 3)) for _ in range(3))
    skin = _colour(np.array([224, 172, 140]) * rng.uniform(0.35, 1.1))
    sleeve = shirt if rng.random() < 0.6 else skin
    girth = rng.uniform(0.85, 1.2) * unit
    for chain in ((2, 1, 0), (3, 4, 5)):
        _limb(draw, at[list(chain[:2])], 0.25 * girth, _shaded(trousers, rng))
        _limb(draw, at[list(chain[1:])], 0.19 * girth, _shaded(trousers, rng))
    trunk = at[[12, 13, 3, 2]] + (at[[12, 13, 3, 2]] - at[[12, 13, 3, 2]].mean(0)) * 0.12
    draw.polygon([tuple(corner) for corner in trunk], fill=_shaded(shirt, rng))
    _limb(draw, at[[7, 8]], 0.16 * girth, skin)
    _head(draw, at, unit, (skin, hair))
    for chain in ((12, 11, 10), (13, 14, 15)):
        _limb(draw, at[list(chain[:2])], 0.17 * girth, _shaded(shirt, rng))
        _limb(draw, at[list(chain[1:])], 0.13 * girth, _shaded(sleeve, rng))
        _dot(draw, at[chain[2]], 0.09 * girth, skin)
    small = picture.resize((SIZE, SIZE), Image.Resampling.BOX)
    if rng.random() < 0.3:
        small = small.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.9))))
    grain = rng.normal(0, rng.uniform(0, 8), (SIZE, SIZE, 3))
    return np.clip(np.asarray(small, np.float64) + grain, 0, 255).astype(np.uint8)


def _head(draw: ImageDraw.ImageDraw, at: Floats, unit: float, colours: tuple[Colour, Colour]) -> None:
    """Draw hair, a face in front of it, and two eyes."""
    up = (at[9] - at[8]) / np.linalg.norm(at[9] - at[8])
    middle, radius = (at[8] + at[9]) / 2, float(np.linalg.norm(at[9] - at[8])) / 2
    _dot(draw, middle + 0.08 * radius * up, radius, colours[1])
    _dot(draw, middle - 0.15 * radius * up, 0.8 * radius, colours[0])
    across = np.array([-up[1], up[0]])
    for side in (-1, 1):
        _dot(draw, middle + 0.3 * side * radius * across, 0.035 * unit, (20, 20, 30))


def _limb(draw: ImageDraw.ImageDraw, ends: Floats, width: float, colour: Colour) -> None:
    draw.line([tuple(end) for end in ends], fill=colour, width=max(1, round(width)))
    for end in ends:
        _dot(draw, end, width / 2, colour)


def _dot(draw: ImageDraw.ImageDraw, middle: Floats, radius: float, colour: Colour) -> None:
    draw.ellipse((*(middle - radius), *(middle + radius)), fill=colour)


def _shaded(colour: Colour, rng: np.random.Generator) -> Colour:
    return _colour(np.array(colour) * rng.uniform(0.8, 1.15))


def _colour(values: NDArray[np.generic]) -> Colour:
    red, green, blue = np.clip(np.asarray(values, np.float64), 0, 255).astype(int)
    return int(red), int(green), int(blue)
