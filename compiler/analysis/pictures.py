"""Pictures of feature maps: small grey images in groups, on one sheet, as data that a report can hold."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from compiler.analysis.regions import Scene
from compiler.ir import Array

_LONGEST_SIDE = 64
_MOST_PIXELS = 2**17
"""Pixels of a whole sheet: 32 maps of 64 x 64, or 512 maps of 16 x 16."""
_SCENE_SIDE = 192
_RIM = 0.03
"""Share of a map's pixels at either end of their range that may be plain black or white."""

Png = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
"""A PNG file in base64."""


class Picture(BaseModel):
    """Small images of one size in groups, some of them marked, beside the image that they are of."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    title: str
    caption: str
    scene: Png | None = None
    """The image that the network looked at, with its boxes; the first of several pictures has it."""
    scene_alt: str = ""
    sheet: Png
    """All small images, row by row."""
    sheet_alt: str
    columns: int = Field(ge=1)
    """Small images in a row of the sheet."""
    width: int = Field(ge=1)
    """Of a small image, in pixels."""
    height: int = Field(ge=1)
    groups: tuple[tuple[int, ...], ...]
    """Numbers of the small images, from 0 in the sheet's order."""
    marked: tuple[int, ...]


def draw_sheet(maps: Array) -> tuple[Png, int, int, int]:
    """Draw maps of shape [n, height, width] side by side; return the sheet, its columns, and a map's width and height.

    Each map is shrunk, the more the more there are, and runs from its own low values, black, to its high ones, white.
    """
    from PIL import Image

    count, rows, columns = maps.shape
    side = max(4, min(_LONGEST_SIDE, math.isqrt(_MOST_PIXELS // count)))
    scale = min(1.0, side / max(rows, columns))
    height, width = max(1, round(rows * scale)), max(1, round(columns * scale))
    across = math.ceil(math.sqrt(count))
    sheet = np.zeros((math.ceil(count / across) * height, across * width), np.uint8)
    for number, values in enumerate(maps):
        small = Image.fromarray(values.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
        top, left = number // across * height, number % across * width
        sheet[top : top + height, left : left + width] = _grey(np.asarray(small))
    return _png(sheet), across, width, height


def photograph_on(scene: Scene, maps: Array) -> Array:
    """Cut maps of shape [n, height, width] to what they show of the photograph, without the letterbox padding."""
    _, height, width = maps.shape
    left, top, right, bottom = scene.content * np.array([width / scene.size[1], height / scene.size[0]] * 2)
    x, y = min(max(round(left), 0), width - 1), min(max(round(top), 0), height - 1)
    return maps[:, y : max(round(bottom), y + 1), x : max(round(right), x + 1)]


def draw_scene(scene: Scene) -> Png:
    """Draw the photograph as the network sees it, in grey, with a line around each box that counts."""
    from PIL import Image, ImageDraw

    value = photograph_on(scene, next(iter(scene.feeds.values()))[0].astype(np.float64)).mean(axis=0)
    scale = min(1.0, _SCENE_SIDE / max(value.shape))
    size = (max(1, round(value.shape[1] * scale)), max(1, round(value.shape[0] * scale)))
    image = Image.fromarray(_grey(value)).resize(size, Image.Resampling.BOX)
    drawing = ImageDraw.Draw(image)
    limits = np.array([size[0] - 1, size[1] - 1] * 2)
    boxes = (scene.visible - np.tile(scene.content[:2], 2)) * scale
    for x1, y1, x2, y2 in np.clip(boxes, 0, limits).tolist():
        drawing.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=0)
        drawing.rectangle((x1, y1, x2, y2), outline=255)
    return _png(np.asarray(image))


def in_groups(clusters: Sequence[int], kept: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Group maps by cluster, the largest first, within each what is kept first; what had to stay (-1) comes last."""
    members: dict[int, list[int]] = {}
    stays = set(kept)
    order = sorted(range(len(clusters)), key=lambda place: (place not in stays, place))
    for place in order:
        members.setdefault(clusters[place], []).append(place)
    numbers = sorted(members, key=lambda number: (number < 0, -len(members[number]), min(members[number])))
    return tuple(tuple(members[number]) for number in numbers)


def _grey(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Spread values over 0 to 255, but for the few at either end, which are often the rim of the image."""
    low, high = float(np.quantile(values, _RIM)), float(np.quantile(values, 1 - _RIM))
    span = high - low if high > low else 1.0
    return np.round(np.clip((values.astype(np.float64) - low) / span, 0, 1) * 255).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> Png:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
