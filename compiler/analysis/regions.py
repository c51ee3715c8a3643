"""Boxes on a photograph as weights on a feature map: which cells see objects, which see background."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array

Floats = NDArray[np.float64]
Weights: TypeAlias = NDArray[np.float64]
"""How much each cell of a map counts: from 0 to 1."""


def _no_boxes() -> Floats:
    return np.zeros((0, 4))


@dataclass(frozen=True, eq=False)
class Scene:
    """One prepared image: the network's input, the true boxes in input pixels, and the part that is no padding.

    `boxes` has shape [n, 4] as (x1, y1, x2, y2); `content` is one such box; `size` is (height, width) of the input.
    """

    feeds: dict[str, Array]
    boxes: Floats
    content: Floats
    size: tuple[int, int]
    ignored: Floats = field(default_factory=_no_boxes)
    """Boxes over what is neither object nor background, such as crowds."""
    name: str = ""
    index: int = 0
    """Its place among the images that the recipe names, from 0."""

    @property
    def visible(self) -> Floats:
        """The boxes that touch the photograph."""
        left, top, right, bottom = self.content
        x1, y1, x2, y2 = self.boxes.T
        return self.boxes[(x1 < right) & (x2 > left) & (y1 < bottom) & (y2 > top)]


Regions: TypeAlias = Callable[[Scene, int, int], tuple[Weights, Weights]]
"""Weighs the cells of a map of some height and width: on objects, and on the background."""


def by_cells(scene: Scene, height: int, width: int) -> tuple[Weights, Weights]:
    """Count the cells of a height x width map that see a box as object, those that see none as background.

    Boxes are scaled by the ratio of map to input and rounded outward, so that each on the photograph covers at least
    one cell. Cells whose centre lies on letterbox padding, and those that see an ignored box, count as neither.
    """
    scale = np.array([width / scene.size[1], height / scene.size[0]] * 2)
    left, top, right, bottom = (scene.content * scale).tolist()
    columns, rows = _span(left, right, width), _span(top, bottom, height)
    covered, ignored = (np.zeros((height, width), dtype=bool) for _ in range(2))
    for mask, boxes in ((covered, scene.visible), (ignored, scene.ignored)):
        for x1, y1, x2, y2 in (boxes * scale).tolist():
            mask[_cells(y1, y2, rows), _cells(x1, x2, columns)] = True
    inside = np.zeros((height, width), dtype=bool)
    inside[slice(*rows), slice(*columns)] = True
    counted = inside & ~ignored
    return (covered & counted).astype(np.float64), (~covered & counted).astype(np.float64)


def by_area(scene: Scene, height: int, width: int) -> tuple[Weights, Weights]:
    """Weigh each cell by the share of its area that objects cover, and by the share that background does.

    Exact for any number of overlapping boxes: on the grid of all their edges every patch is wholly inside or outside.
    """
    scale = np.array([width / scene.size[1], height / scene.size[0]] * 2)
    limits = np.array([width, height] * 2, np.float64)
    kinds = [np.clip(boxes * scale, 0, limits) for boxes in (scene.boxes, scene.ignored, scene.content[None])]
    corners = np.concatenate(kinds)
    xs = np.unique(np.concatenate([np.arange(width + 1.0), corners[:, 0], corners[:, 2]]))
    ys = np.unique(np.concatenate([np.arange(height + 1.0), corners[:, 1], corners[:, 3]]))
    covered, ignored, inside = (_patches(boxes, xs, ys) for boxes in kinds)
    areas = np.diff(ys)[:, None] * np.diff(xs)[None, :] * (inside & ~ignored)
    return _per_cell(areas * covered, xs, ys), _per_cell(areas * ~covered, xs, ys)


def middle_as_object(scene: Scene) -> Scene:
    """Take the inner half (by side length) of the photograph for the object, for images without boxes."""
    x1, y1, x2, y2 = scene.content.tolist()
    dx, dy = (x2 - x1) / 4, (y2 - y1) / 4
    return replace(scene, boxes=np.array([[x1 + dx, y1 + dy, x2 - dx, y2 - dy]]), ignored=_no_boxes())


def _span(low: float, high: float, count: int) -> tuple[int, int]:
    """Find the first and the end of the cells whose centre lies in a stretch; at least the cell in its middle."""
    first, end = max(int(np.ceil(low - 0.5)), 0), min(int(np.floor(high - 0.5)) + 1, count)
    if first < end:
        return first, end
    middle = min(max(int((low + high) / 2), 0), count - 1)
    return middle, middle + 1


def _cells(low: float, high: float, span: tuple[int, int]) -> slice:
    """List the cells that a stretch touches, at least one, within a span."""
    start = min(max(int(np.floor(low)), span[0]), span[1] - 1)
    return slice(start, min(max(int(np.ceil(high)), start + 1), span[1]))


def _patches(boxes: Floats, xs: Floats, ys: Floats) -> NDArray[np.bool_]:
    """Mark the patches between neighbouring edges that lie in any box."""
    found = np.zeros((ys.size - 1, xs.size - 1), dtype=bool)
    columns, rows = np.searchsorted(xs, boxes[:, ::2]), np.searchsorted(ys, boxes[:, 1::2])
    for (left, right), (top, bottom) in zip(columns.tolist(), rows.tolist(), strict=True):
        found[top:bottom, left:right] = True
    return found


def _per_cell(areas: Floats, xs: Floats, ys: Floats) -> Weights:
    """Add up the patches of each cell of size 1."""
    rows = np.add.reduceat(areas, np.searchsorted(ys, np.arange(float(ys[-1]))), axis=0)
    return np.add.reduceat(rows, np.searchsorted(xs, np.arange(float(xs[-1]))), axis=1)
