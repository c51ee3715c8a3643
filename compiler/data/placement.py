"""Where a training image lies on the network's input, alone or as one of four."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compiler.data.augment import Augment
from compiler.data.preprocess import Geometry, Preprocess, letterbox_inner, require_size

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, eq=False)
class Part:
    """An image, the size that it is brought to, and the rectangle of the input that shows it."""

    image: Image
    inner: tuple[int, int]
    """Width and height after resizing."""
    left: int
    top: int
    clip: tuple[int, int, int, int]
    """Left, top, right and bottom of what shows."""
    canvas: tuple[int, int]
    """Width and height of the input."""

    @property
    def geometry(self) -> Geometry:
        """Map the photograph's pixels to the input's."""
        scales = self.inner[0] / self.image.width, self.inner[1] / self.image.height
        return Geometry(*self.image.size, *scales, self.left, self.top)

    @property
    def corner(self) -> tuple[int, int]:
        """The upper left corner of what shows."""
        return self.clip[0], self.clip[1]

    def cut(self) -> Image:
        """Resize the image and cut out what shows."""
        from PIL.Image import Resampling

        left, top, right, bottom = self.clip
        resized = self.image
        if self.inner != self.image.size:
            resized = self.image.resize(self.inner, Resampling.BILINEAR)
        return resized.crop((left - self.left, top - self.top, right - self.left, bottom - self.top))


def place_one(image: Image, preprocess: Preprocess, augment: Augment, rng: np.random.Generator) -> Part:
    """Place an image as `prepare` does, then enlarge and shift it by one draw."""
    height, width = require_size(image, preprocess)
    letterbox = preprocess.resize == "letterbox"
    base = letterbox_inner(image.size, (height, width)) if letterbox else (width, height)
    gain, right, down = rng.uniform(-1, 1, 3).tolist()
    gain = 1 + gain * augment.scale
    inner = (max(1, round(base[0] * gain)), max(1, round(base[1] * gain)))
    left = (width - inner[0]) // 2 + round(right * augment.translate * width)
    top = (height - inner[1]) // 2 + round(down * augment.translate * height)
    return Part(image, inner, left, top, _within((left, top), inner, (0, 0, width, height)), (width, height))


def place_mosaic(images: list[Image], preprocess: Preprocess, augment: Augment, rng: np.random.Generator) -> list[Part]:
    """Let four images meet at a point of the input's middle half; each covers its quarter, cut where it is larger."""
    height, width = require_size(images[0], preprocess)
    share_x, share_y = rng.uniform(0.25, 0.75, 2).tolist()
    middle_x, middle_y = round(share_x * width), round(share_y * height)
    quarters = [
        (0, 0, middle_x, middle_y),
        (middle_x, 0, width, middle_y),
        (0, middle_y, middle_x, height),
        (middle_x, middle_y, width, height),
    ]
    parts: list[Part] = []
    for image, clip in zip(images, quarters, strict=True):
        wide, high = clip[2] - clip[0], clip[3] - clip[1]
        ratio = max(wide / image.width, high / image.height) * (1 + rng.random() * augment.scale)
        inner = (max(wide, round(image.width * ratio)), max(high, round(image.height * ratio)))
        left, top = (
            clip[0] - int(rng.integers(0, inner[0] - wide + 1)),
            clip[1] - int(rng.integers(0, inner[1] - high + 1)),
        )
        parts.append(Part(image, inner, left, top, clip, (width, height)))
    return parts


def _within(
    corner: tuple[int, int], inner: tuple[int, int], clip: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    """Return the part of a rectangle that shows; none of it is an empty rectangle at the edge."""
    left, top = (min(max(corner[axis], clip[axis]), clip[axis + 2]) for axis in (0, 1))
    right, bottom = (max(min(corner[axis] + inner[axis], clip[axis + 2]), low) for axis, low in ((0, left), (1, top)))
    return left, top, right, bottom
