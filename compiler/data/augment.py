"""How training images are varied: what the recipe allows, and one draw of it.

Pixels are moved and coloured by Pillow; labels move by the same numbers, so the two cannot part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from PIL.Image import Image

_Share = Annotated[float, Field(ge=0, le=1)]
_Pair = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class Augment(BaseModel):
    """How far training images may vary. Each draw is even within its limits; nothing varies that is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)

    flip: bool = False
    """Mirror half of the images, left to right."""
    flip_pairs: tuple[_Pair, ...] = ()
    """Keypoints, by number from 0, that change places in a mirror, such as left and right eye."""
    scale: float = Field(default=0, ge=0, le=0.9)
    """Enlarge or shrink by up to this share: 0.5 is from half to one and a half times."""
    translate: float = Field(default=0, ge=0, le=0.5)
    """Shift by up to this share of the input's width and height."""
    rotate: float = Field(default=0, ge=0, le=180)
    """Turn by up to so many degrees, either way. Boxes become those that enclose the turned ones."""
    hue: float = Field(default=0, ge=0, le=0.5)
    """Shift the hue by up to this share of the colour circle."""
    saturation: _Share = 0
    """Change the saturation by up to this share."""
    brightness: _Share = 0
    """Change the brightness by up to this share."""
    contrast: _Share = 0
    """Change the contrast by up to this share."""
    mosaic: _Share = 0
    """The share of examples that are put together of four images; those with a class of their own never are."""

    @property
    def is_active(self) -> bool:
        """Whether anything varies."""
        return self != Augment(flip_pairs=self.flip_pairs)


@dataclass(frozen=True)
class Draw:
    """One draw of what varies over the whole input; sizes and places of single images are drawn apart."""

    angle: float
    is_flipped: bool
    hue: int
    """In steps of 256 to the colour circle."""
    saturation: float
    brightness: float
    contrast: float


def draw(settings: Augment, rng: np.random.Generator) -> Draw:
    """Draw once. The generator moves on by the same number of values whatever the settings are."""
    angle, hue, saturation, brightness, contrast = rng.uniform(-1, 1, 5).tolist()
    return Draw(
        angle * settings.rotate,
        bool(rng.random() < 0.5) and settings.flip,
        round(256 * hue * settings.hue),
        1 + saturation * settings.saturation,
        1 + brightness * settings.brightness,
        1 + contrast * settings.contrast,
    )


def recolour(image: Image, drawn: Draw) -> Image:
    """Shift hue, then change saturation, brightness and contrast; a grey image has only the last two."""
    from PIL.Image import merge
    from PIL.ImageEnhance import Brightness, Color, Contrast

    if image.mode == "RGB" and drawn.hue:
        hue, saturation, value = image.convert("HSV").split()
        turned = hue.point([(step + drawn.hue) % 256 for step in range(256)])
        image = merge("HSV", (turned, saturation, value)).convert("RGB")
    if image.mode == "RGB" and drawn.saturation != 1:
        image = Color(image).enhance(drawn.saturation)
    if drawn.brightness != 1:
        image = Brightness(image).enhance(drawn.brightness)
    return Contrast(image).enhance(drawn.contrast) if drawn.contrast != 1 else image


def turn_points(points: np.ndarray, angle: float, size: tuple[int, int]) -> np.ndarray:
    """Turn points (..., 2) about the middle of an input (height, width), counter-clockwise as seen, as Pillow does."""
    middle = np.array([size[1] / 2, size[0] / 2])
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return (points - middle) @ np.array([[cos, -sin], [sin, cos]]) + middle
