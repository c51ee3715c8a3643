"""The images of a folder that a COCO file lists, with their boxes and keypoints."""

from __future__ import annotations

from compiler.data.coco import CocoBox, CocoImage, load_coco
from compiler.data.codes import COCO_IMAGE_MISSING
from compiler.data.faults import data_fault, some_of
from compiler.data.image_file import image_files
from compiler.data.records import Listing, Objects, Record, make_objects, records_listing
from compiler.data.source import DataSource


def list_coco(source: DataSource) -> Listing:
    """List the images by name with what the file says of them, and check that they are there."""
    assert source.coco is not None and source.images is not None
    image_files(source.images, "images")
    found = load_coco(source.coco)
    images = sorted(found.images, key=lambda image: (image.file_name, image.id))[: source.limit]
    boxes: dict[int, list[CocoBox]] = {image.id: [] for image in images}
    for box in found.annotations:
        if box.image_id in boxes:
            boxes[box.image_id].append(box)
    count = next((len(box.keypoints) // 3 for box in found.annotations if box.keypoints), 0)
    paths = [source.images / image.file_name for image in images]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        message = (
            f"{some_of(len(missing), len(paths), 'images')} listed in {source.coco} are missing, first {missing[0]}"
        )
        raise data_fault(COCO_IMAGE_MISSING, message, "correct `images`, or add the files", missing[0])
    records = [
        Record(image.id, path, path, _objects(boxes[image.id], count), stated_size=_stated(image))
        for image, path in zip(images, paths, strict=True)
    ]
    categories = sorted(found.categories, key=lambda category: category.id)
    return records_listing(
        records,
        files=(
            (source.coco.name, source.coco),
            *((image.file_name, path) for image, path in zip(images, paths, strict=True)),
        ),
        categories=tuple(category.id for category in categories),
        names=tuple(category.name for category in categories),
    )


def _objects(boxes: list[CocoBox], keypoints: int) -> Objects:
    blank = (0.0,) * (3 * keypoints)
    return make_objects(
        [box.bbox for box in boxes],
        [box.category_id for box in boxes],
        [box.keypoints or blank for box in boxes] if keypoints else (),
        [box.area for box in boxes],
        [box.iscrowd for box in boxes],
    )


def _stated(image: CocoImage) -> tuple[int, int] | None:
    return None if image.width is None or image.height is None else (image.width, image.height)
