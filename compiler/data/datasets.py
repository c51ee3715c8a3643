"""Data sources of a recipe, read one image at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PositiveInt

from compiler.data.coco import CocoBox, CocoFile, load_coco
from compiler.data.codes import COCO_IMAGE_MISSING, FOLDER_MISSING, IMAGE_SIZE, IMAGE_UNREADABLE, NO_IMAGES
from compiler.data.preprocess import FloatArray, Geometry, Preprocess, prepare
from compiler.diagnostic import Code, CompressError, Diagnostic, Span

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES: tuple[str, ...] = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


class DataSource(BaseModel):
    """Images of a folder, all of them or those that a COCO file lists; the first `limit` by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path
    coco: Path | None = None
    limit: PositiveInt | None = None

    def under(self, folder: Path) -> DataSource:
        """Return this source with its relative paths taken from `folder`, the home of the recipe."""
        coco = None if self.coco is None else folder / self.coco
        return self.model_copy(update={"images": folder / self.images, "coco": coco})


@dataclass(frozen=True)
class Entry:
    """An image of a source before it is read. `boxes` is empty where nothing is labelled."""

    image_id: int
    path: Path
    boxes: tuple[CocoBox, ...] = ()


@dataclass(frozen=True)
class Listing:
    """What a source holds: its images in order, and the category ids, ascending; None where there are no labels."""

    entries: tuple[Entry, ...]
    categories: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """One image, ready for the model, with its true boxes (x, y, width, height in photograph pixels)."""

    image_id: int
    path: Path
    array: FloatArray
    geometry: Geometry
    boxes: NDArray[np.float64]
    categories: NDArray[np.int64]


def list_source(source: DataSource) -> Listing:
    """Find the images of a source and check that they are there; no image is opened."""
    if not source.images.is_dir():
        message = f"{source.images} is not a folder"
        raise _error(FOLDER_MISSING, source.images, message, "correct `images`; it counts from the recipe's folder")
    listing = _list_folder(source) if source.coco is None else _list_coco(source, load_coco(source.coco))
    if not listing.entries:
        found_in = source.coco or source.images
        raise _error(NO_IMAGES, found_in, f"{found_in} holds no images", f"images end in {', '.join(SUFFIXES)}")
    return listing


def read_samples(source: DataSource, preprocess: Preprocess) -> Iterator[Sample]:
    """Yield the images of a source one by one. The source is checked at once, each image when it is reached."""
    return read_listing(list_source(source), preprocess)


def read_listing(listing: Listing, preprocess: Preprocess) -> Iterator[Sample]:
    """Yield the images of a listing one by one; nothing is kept."""
    return (_read(entry, preprocess) for entry in listing.entries)


def _list_folder(source: DataSource) -> Listing:
    files = sorted(path for path in source.images.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    return Listing(tuple(Entry(place, path) for place, path in enumerate(files[: source.limit], start=1)))


def _list_coco(source: DataSource, found: CocoFile) -> Listing:
    images = sorted(found.images, key=lambda image: (image.file_name, image.id))[: source.limit]
    boxes: dict[int, list[CocoBox]] = {image.id: [] for image in images}
    for box in found.annotations:
        if box.image_id in boxes:
            boxes[box.image_id].append(box)
    entries = tuple(Entry(image.id, source.images / image.file_name, tuple(boxes[image.id])) for image in images)
    missing = [entry.path for entry in entries if not entry.path.is_file()]
    if missing:
        message = f"{len(missing)} of {len(entries)} images listed in {source.coco} are missing, first {missing[0]}"
        raise _error(COCO_IMAGE_MISSING, missing[0], message, "correct `images`, or add the files")
    return Listing(entries, tuple(sorted(category.id for category in found.categories)))


def _read(entry: Entry, preprocess: Preprocess) -> Sample:
    array, geometry = _prepare_at(entry.path, _load_image(entry.path), preprocess)
    boxes = np.array([box.bbox for box in entry.boxes], np.float64).reshape(-1, 4)
    categories = np.array([box.category_id for box in entry.boxes], np.int64)
    return Sample(entry.image_id, entry.path, array, geometry, boxes, categories)


def _prepare_at(path: Path, image: Image, preprocess: Preprocess) -> tuple[FloatArray, Geometry]:
    """Prepare an image, and let a fault of it name its file."""
    try:
        return prepare(image, preprocess)
    except CompressError as fault:
        first = fault.diagnostics[0]
        if first.code is not IMAGE_SIZE:
            raise
        raise _error(first.code, path, f"{path}: {first.message}", first.help or "") from fault


def _load_image(path: Path) -> Image:
    """Read and decode the whole file now, so that it is closed again and a fault shows here.

    Pixels are taken as stored: COCO boxes do not follow the camera's rotation mark.
    """
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as fault:
        raise _error(IMAGE_UNREADABLE, path, f"{path} cannot be read as an image", "replace or remove it") from fault


def _error(code: Code, path: Path, message: str, help_: str) -> CompressError:
    return CompressError(Diagnostic(code, message, help=help_, span=Span(str(path))))
