"""Data sources of a recipe, read one image at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compiler.data.class_folders import list_class_folders
from compiler.data.coco_source import list_coco
from compiler.data.codes import IMAGE_SIZE, NO_IMAGES
from compiler.data.faults import data_fault
from compiler.data.image_file import SUFFIXES, image_files, load_image
from compiler.data.label_codes import BOX_OUTSIDE, SIZE_CONTRADICTION
from compiler.data.npz import list_npz
from compiler.data.preprocess import FloatArray, Geometry, Preprocess, prepare
from compiler.data.records import Floats, Ints, Listing, Objects, Record, records_listing
from compiler.data.source import DataSource
from compiler.data.yolo import list_yolo
from compiler.diagnostic import CompressError

if TYPE_CHECKING:
    from PIL.Image import Image

_READERS = {"coco": list_coco, "yolo": list_yolo, "classes": list_class_folders, "npz": list_npz}
_NO_ARRAY = np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class Sample:
    """One item, ready for the model, with what is labelled on it in photograph pixels."""

    image_id: int
    path: Path
    array: FloatArray
    """The image as the network takes it; empty where the item holds several prepared arrays."""
    geometry: Geometry
    objects: Objects
    label: int | None = None
    prepared: Mapping[str, NDArray[Any]] | None = None
    """Inputs by name, of a source that holds arrays."""

    @property
    def boxes(self) -> Floats:
        """The true boxes: x, y, width, height."""
        return self.objects.boxes

    @property
    def categories(self) -> Ints:
        """The category of each box."""
        return self.objects.categories

    def feeds(self, input_name: str) -> dict[str, NDArray[Any]]:
        """Return what the network is fed with; `input_name` is the input that takes images."""
        return {input_name: self.array} if self.prepared is None else dict(self.prepared)


def list_source(source: DataSource) -> Listing:
    """Find the items of a source and check that they are there; no image is opened.

    A `python` source is user code: `compiler.frontends.data_factory.open_source` lists that too.
    """
    assert source.kind != "python", "user code is a frontend's matter"
    listing = _list_folder(source) if source.kind == "images" else _READERS[source.kind](source)
    if not listing.count:
        found_in: Path = getattr(source, source.kind)
        advice = f"images end in {', '.join(SUFFIXES)}" if source.kind != "npz" else "write the file again"
        raise data_fault(NO_IMAGES, f"{found_in} holds no images", advice, found_in)
    return listing


def read_samples(source: DataSource, preprocess: Preprocess) -> Iterator[Sample]:
    """Yield the items of a source one by one. The source is checked at once, each image when it is reached."""
    return read_listing(list_source(source), preprocess)


def read_listing(listing: Listing, preprocess: Preprocess) -> Iterator[Sample]:
    """Yield the items of a listing one by one; nothing is kept."""
    return (_read(listing.fetch(index), preprocess) for index in range(listing.count))


def read_image(record: Record, orientation: str | None) -> tuple[Image, Record]:
    """Open the image of a record, and return it with its labels in pixels, checked against it."""
    content = record.content
    assert not isinstance(content, Mapping)
    image = load_image(content, orientation) if isinstance(content, Path) else content
    if record.stated_size not in {None, image.size}:
        stated = record.stated_size or (0, 0)
        said = f"{record.place} is {image.width}x{image.height} (width x height), its labels are for "
        advice = "give the images that were labelled, or state `orientation` under `preprocess`"
        raise data_fault(SIZE_CONTRADICTION, f"{said}{stated[0]}x{stated[1]}", advice, record.place)
    if record.has_shares:
        record = replace(record, objects=record.objects.scaled(*image.size), has_shares=False)
    _check_boxes(record, *image.size)
    return image, record


def _list_folder(source: DataSource) -> Listing:
    assert source.images is not None
    files = image_files(source.images, "images")[: source.limit]
    records = [Record(place, path, path) for place, path in enumerate(files, start=1)]
    return records_listing(records, files=tuple((path.name, path) for path in files))


def _read(record: Record, preprocess: Preprocess) -> Sample:
    if isinstance(record.content, Mapping):
        return _read_prepared(record, record.content)
    image, record = read_image(record, preprocess.orientation)
    array, geometry = _prepare_at(record.place, image, preprocess)
    return Sample(record.image_id, record.place, array, geometry, record.objects, record.label)


def _read_prepared(record: Record, arrays: Mapping[str, NDArray[Any]]) -> Sample:
    """Take arrays as they are; labels of a single image input count in its own pixels."""
    first = next(iter(arrays.values()))
    array = first if len(arrays) == 1 else _NO_ARRAY
    geometry = Geometry(first.shape[3], first.shape[2]) if first.ndim == 4 else Geometry(1, 1)
    return Sample(record.image_id, record.place, array, geometry, record.objects, record.label, arrays)


def _check_boxes(record: Record, width: int, height: int) -> None:
    """Refuse a box of which nothing lies on the photograph."""
    x, y, wide, high = record.objects.boxes.T
    outside = np.flatnonzero((x >= width) | (y >= height) | (x + wide < 0) | (y + high < 0))
    if len(outside):
        corner = ", ".join(f"{value:g}" for value in record.objects.boxes[outside[0]].tolist())
        said = f"{record.place}: box {outside[0]} (x, y, width, height: {corner}) lies outside of {width}x{height}"
        raise data_fault(BOX_OUTSIDE, said, "correct the labels; were they made for another size?", record.place)


def _prepare_at(path: Path, image: Image, preprocess: Preprocess) -> tuple[FloatArray, Geometry]:
    """Prepare an image, and let a fault of it name its file."""
    try:
        return prepare(image, preprocess)
    except CompressError as fault:
        first = fault.diagnostics[0]
        if first.code is not IMAGE_SIZE:
            raise
        raise data_fault(first.code, f"{path}: {first.message}", first.help, path) from fault
