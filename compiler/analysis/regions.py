"""Boxes on a photograph as masks on a feature map: which cells see objects, which see background."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scene:
    """One prepared image: the network's input, the true boxes in input pixels, and the part that is no padding.

    `boxes` has shape [n, 4] as (x1, y1, x2, y2); `content` is one such box; `size` is (height, width) of the input.
    """

    feeds: dict[str, Array]
    boxes: NDArray[np.float64]
    content: NDArray[np.float64]
    size: tuple[int, int]


def object_and_background(scene: Scene, height: int, width: int) -> tuple[Mask, Mask]:
    """Mask the cells of a height x width feature map that see a box, and the cells that see none.

    Boxes are scaled by the ratio of map to input and rounded outward, so that each covers at least one cell; the
    masks are clipped to the cells whose centre lies on the photograph, which leaves letterbox padding out of both.
    """
    scale = np.array([width / scene.size[1], height / scene.size[0]] * 2)
    inside = _cells_of_content(scene.content * scale, height, width)
    covered = np.zeros((height, width), dtype=bool)
    for x1, y1, x2, y2 in (scene.boxes * scale).tolist():
        left, top = int(np.floor(x1)), int(np.floor(y1))
        right, bottom = max(int(np.ceil(x2)), left + 1), max(int(np.ceil(y2)), top + 1)
        covered[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    return covered & inside, ~covered & inside


def centre_and_border(scene: Scene, height: int, width: int) -> tuple[Mask, Mask]:
    """Mask the inner half (by side length) of the photograph and the rest, for images without boxes."""
    x1, y1, x2, y2 = scene.content.tolist()
    dx, dy = (x2 - x1) / 4, (y2 - y1) / 4
    middle = np.array([[x1 + dx, y1 + dy, x2 - dx, y2 - dy]])
    return object_and_background(Scene(scene.feeds, middle, scene.content, scene.size), height, width)


def _cells_of_content(content: NDArray[np.float64], height: int, width: int) -> Mask:
    """Mask the cells whose centre lies on the photograph."""
    x1, y1, x2, y2 = content.tolist()
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    return ((rows >= y1) & (rows <= y2))[:, None] & ((columns >= x1) & (columns <= x2))[None, :]
