"""What every kind of data source yields: one image or array with what is labelled on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

    Content: TypeAlias = Path | Image | Mapping[str, NDArray[Any]]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Objects:
    """The true objects on one image, row by row; empty where nothing is labelled.

    `boxes` is [n, 4]: x and y of the upper left corner, width, height, in pixels of the photograph. `keypoints` is
    [n, k, 3]: x, y, visibility (0 not labelled, 1 hidden, 2 visible). A crowd is a region that no detector is asked
    to take apart.
    """

    boxes: Floats
    categories: Ints
    keypoints: Floats
    areas: Floats
    crowds: NDArray[np.bool_]

    def scaled(self, width: float, height: float) -> Objects:
        """Return the objects with coordinates multiplied: from shares of the photograph to its pixels."""
        keypoints = self.keypoints * np.array([width, height, 1.0])
        boxes = self.boxes * np.array([width, height, width, height])
        return replace(self, boxes=boxes, keypoints=keypoints, areas=self.areas * width * height)


def make_objects(
    boxes: Sequence[Sequence[float]] | Floats = (),
    categories: Sequence[int] | Ints = (),
    keypoints: Sequence[Any] | Floats = (),
    areas: Sequence[float | None] = (),
    crowds: Sequence[int] = (),
) -> Objects:
    """Make objects of plain lists; an area that is not given is that of the box."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    count = len(corners)
    own = corners[:, 2] * corners[:, 3]
    given = np.array([np.nan if area is None else area for area in areas], np.float64)
    points = np.asarray(keypoints, np.float64)
    return Objects(
        corners,
        np.asarray(categories, np.int64).reshape(count),
        points.reshape(count, -1, 3) if points.size else np.zeros((count, 0, 3)),
        np.where(np.isnan(given), own, given) if len(given) else own,
        np.asarray(crowds, np.bool_) if len(crowds) else np.zeros(count, np.bool_),
    )


NO_OBJECTS = make_objects()


@dataclass(frozen=True, eq=False)
class Record:
    """One item of a source before it is prepared.

    `content` is an image file that is not opened yet, an image, or arrays that are the network's inputs already.
    """

    image_id: int
    place: Path
    """The file, or `file[row]`, for messages."""
    content: Content
    objects: Objects = NO_OBJECTS
    label: int | None = None
    """The number of the image's class."""
    has_shares: bool = False
    """Whether coordinates are shares of the photograph's width and height."""
    stated_size: tuple[int, int] | None = None
    """Width and height of the photograph, where the label file states them."""


@dataclass(frozen=True, eq=False)
class Listing:
    """What a source holds. No image is opened before its record is read."""

    count: int
    fetch: Callable[[int], Record]
    """Gives the record of a number below `count`; the same number gives the same record."""
    files: tuple[tuple[str, Path], ...] = ()
    """Every file that matters, labels and images, under the name that counts."""
    is_of_files: bool = True
    """Whether those files are all that matters; not so where a function makes the examples."""
    categories: tuple[int, ...] | None = None
    """The identifiers that boxes carry, ascending; class k of a network is the k-th. None where there are no boxes."""
    names: tuple[str, ...] = ()
    """What the classes are called, where that is known."""
    is_complete: bool = True
    """Whether `categories` and `names` are all that there are; a bare folder of YOLO labels cannot say."""
    labels: frozenset[str] | None = field(default=None)
    """Which of "boxes", "keypoints" and "class" occur; None where only reading tells."""


def records_listing(records: Sequence[Record], **known: Any) -> Listing:
    """Make a listing of records that are at hand, and note which labels occur."""
    found: set[str] = set()
    for record in records:
        if (~record.objects.crowds).any():
            found.add("boxes")
        if (record.objects.keypoints[:, :, 2] > 0).any():
            found.add("keypoints")
        if record.label is not None:
            found.add("class")
    return Listing(len(records), records.__getitem__, labels=frozenset(found), **known)
