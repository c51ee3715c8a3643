"""Training examples by number: prepared, varied, with their labels in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.augment import Augment, Draw, draw, recolour, turn_points
from compiler.data.datasets import read_image
from compiler.data.faults import data_fault
from compiler.data.label_codes import AUGMENT_NEEDS_IMAGES, UNKNOWN_CLASS
from compiler.data.placement import Part, place_mosaic, place_one
from compiler.data.preprocess import FloatArray, Preprocess, coloured, flat_colour, to_array
from compiler.data.records import Floats, Ints, Listing, Record

if TYPE_CHECKING:
    from PIL.Image import Image

_SMALLEST_SIDE = 2.0
"""Pixels of the input; a box that is less is dropped."""

_SMALLEST_SHARE = 0.1
"""Of a box that augmentation cuts, so much must be left."""


@dataclass(frozen=True, eq=False)
class TrainingSample:
    """One example. Coordinates are in pixels of the input, from the left and upper edge on; classes count from 0."""

    image_id: int
    path: Path
    array: FloatArray
    """[channels, height, width]; empty where `prepared` holds several inputs."""
    boxes: Floats
    """[n, 4]: x1, y1, x2, y2, inside of the input. Crowds are left out."""
    classes: Ints
    """[n]: the network's class of each box."""
    keypoints: Floats
    """[n, k, 3]: x, y, visibility; what is cut off has visibility 0."""
    label: int | None
    """The class of the whole image."""
    prepared: Mapping[str, NDArray[Any]] | None = None
    """Inputs by name, without the axis of examples, where the data are arrays."""


def example_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Make the generator of one example in one epoch: a resumed run draws what it would have drawn."""
    return np.random.default_rng([seed, epoch, index])


def epoch_order(seed: int, epoch: int, count: int) -> Ints:
    """Return the numbers of the examples in the order of an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


class TrainingSet:
    """Examples by number. Holds no image; reading one again gives the same for the same generator state."""

    def __init__(self, listing: Listing, preprocess: Preprocess, augment: Augment) -> None:
        """Take a listing, the preprocessing with its size, and what may vary; `Augment()` for nothing."""
        assert preprocess.size is not None or preprocess.resize == "none"
        self._listing = listing
        self._preprocess = preprocess
        self._augment = augment
        self._class_of = {category: place for place, category in enumerate(listing.categories or ())}

    def __len__(self) -> int:
        """Count the examples."""
        return self._listing.count

    def load(self, index: int, rng: np.random.Generator) -> TrainingSample:
        """Read one example; `example_rng` makes the generator."""
        record = self._listing.fetch(index)
        if isinstance(record.content, Mapping):
            return self._prepared(record, record.content)
        # An image with a class of its own is not mixed with others.
        is_mosaic = rng.random() < self._augment.mosaic and record.label is None
        others = [self._listing.fetch(int(rng.integers(0, len(self)))) for _ in range(3 if is_mosaic else 0)]
        parts, records = self._parts([record, *others], rng)
        drawn = draw(self._augment, rng)
        array = to_array(self._paint(parts, drawn), self._preprocess)[0]
        size = (array.shape[1], array.shape[2])
        moved = [self._move(one, part, drawn, size) for one, part in zip(records, parts, strict=True)]
        boxes, classes, keypoints = (np.concatenate(values) for values in zip(*moved, strict=True))
        return TrainingSample(record.image_id, record.place, array, boxes, classes, keypoints, record.label)

    def _parts(self, records: list[Record], rng: np.random.Generator) -> tuple[list[Part], list[Record]]:
        """Open one image or four, and draw where they lie."""
        opened = [read_image(record, self._preprocess.orientation) for record in records]
        images = [coloured(image, self._preprocess) for image, _ in opened]
        if len(images) == 1:
            parts = [place_one(images[0], self._preprocess, self._augment, rng)]
        else:
            parts = place_mosaic(images, self._preprocess, self._augment, rng)
        return parts, [record for _, record in opened]

    def _paint(self, parts: list[Part], drawn: Draw) -> Image:
        from PIL.Image import Resampling, Transpose, new

        mode, (width, height) = parts[0].image.mode, parts[0].canvas
        fill = flat_colour(mode, self._preprocess.pad_value)
        canvas = new(mode, (width, height), fill)
        for part in parts:
            canvas.paste(part.cut(), part.corner)
        if drawn.angle:
            canvas = canvas.rotate(drawn.angle, Resampling.BILINEAR, fillcolor=fill)
        if drawn.is_flipped:
            canvas = canvas.transpose(Transpose.FLIP_LEFT_RIGHT)
        return recolour(canvas, drawn)

    def _move(self, record: Record, part: Part, drawn: Draw, size: tuple[int, int]) -> tuple[Floats, Ints, Floats]:
        """Move labels as the pixels were moved, and drop what was cut away."""
        objects = record.objects
        single = ~objects.crowds
        x, y, width, height = objects.boxes[single].T
        corners = np.stack([x, y, x + width, y, x + width, y + height, x, y + height], axis=1).reshape(-1, 4, 2)
        corners, whole = _onto(corners, part, drawn, size)
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        uncut = np.concatenate([whole.min(axis=1), whole.max(axis=1)], axis=1)
        boxes = np.clip(boxes, 0, np.array([size[1], size[0]] * 2))
        sides = boxes[:, 2:] - boxes[:, :2]
        large = (sides >= _SMALLEST_SIDE).all(axis=1)
        share = sides.prod(axis=1) >= _SMALLEST_SHARE * (uncut[:, 2:] - uncut[:, :2]).prod(axis=1)
        kept = large & share
        return boxes[kept], self._classes(record)[single][kept], self._points(record, part, drawn, size)[single][kept]

    def _points(self, record: Record, part: Part, drawn: Draw, size: tuple[int, int]) -> Floats:
        """Move keypoints; one that falls off the image, or was never labelled, is 0, 0 with visibility 0."""
        points = record.objects.keypoints
        inside, moved = _onto(points[:, :, :2], part, drawn, size)
        kept = (points[:, :, 2] > 0) & np.isclose(inside, moved).all(axis=2)
        kept &= ((moved >= 0) & (moved <= np.array([size[1], size[0]]))).all(axis=2)
        found = np.where(kept[:, :, None], np.concatenate([moved, points[:, :, 2:]], axis=2), 0.0)
        if drawn.is_flipped and found.shape[1]:
            order = list(range(found.shape[1]))
            for one, other in self._augment.flip_pairs:
                if max(one, other) < len(order):
                    order[one], order[other] = order[other], order[one]
            found = found[:, order]
        return found

    def _classes(self, record: Record) -> Ints:
        """Return the network's class of each category."""
        if not self._listing.is_complete:
            return record.objects.categories
        unknown = next((one for one in record.objects.categories.tolist() if one not in self._class_of), None)
        if unknown is not None:
            message = f"{record.place} is labelled with the unknown category {unknown}"
            raise data_fault(UNKNOWN_CLASS, message, "correct the label", record.place)
        return np.array([self._class_of[one] for one in record.objects.categories.tolist()], np.int64)

    def _prepared(self, record: Record, arrays: Mapping[str, NDArray[Any]]) -> TrainingSample:
        if self._augment.is_active:
            said = f"{record.place} is a prepared array, and `augment` varies images"
            raise data_fault(AUGMENT_NEEDS_IMAGES, said, "leave `augment` out, or give images", record.place)
        inputs = {name: array[0] for name, array in arrays.items()}
        array = next(iter(inputs.values())) if len(inputs) == 1 else np.zeros(0, np.float32)
        objects = record.objects
        corners = np.concatenate([objects.boxes[:, :2], objects.boxes[:, :2] + objects.boxes[:, 2:]], axis=1)
        return TrainingSample(
            record.image_id,
            record.place,
            array,
            corners,
            self._classes(record),
            objects.keypoints,
            record.label,
            inputs,
        )


def _onto(points: Floats, part: Part, drawn: Draw, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Bring points (..., 2) of a photograph onto the input: cut at the edges of their part, and uncut."""
    placed = part.geometry.points_to_input(points)
    left, top, right, bottom = part.clip
    results = [np.clip(placed, [left, top], [right, bottom]), placed]
    if drawn.angle:
        results = [turn_points(one, drawn.angle, size) for one in results]
    if drawn.is_flipped:
        results = [one * np.array([-1.0, 1.0]) + np.array([size[1], 0.0]) for one in results]
    return results[0], results[1]
