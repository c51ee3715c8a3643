"""COCO annotation files: read, checked, and given back as plain frozen values."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from compiler.data.codes import COCO_IMAGE_ESCAPES, COCO_MALFORMED, COCO_UNREADABLE
from compiler.diagnostic import Code, CompressError, Diagnostic, Span

_Length = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
_Id = Annotated[int, Field(gt=-(2**53), lt=2**53)]


class _Row(BaseModel):
    """COCO files carry many more fields; those that nothing here reads are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class CocoImage(_Row):
    """An image that the file lists."""

    id: _Id
    file_name: str = Field(min_length=1)
    width: int | None = None
    height: int | None = None


class CocoBox(_Row):
    """A true box (x, y of the upper left corner, width, height) and its keypoints, in pixels of the photograph."""

    image_id: _Id
    category_id: _Id
    bbox: tuple[FiniteFloat, FiniteFloat, _Length, _Length]
    area: _Length | None = None
    iscrowd: Annotated[int, Field(ge=0, le=1)] = 0
    keypoints: tuple[FiniteFloat, ...] = ()


class CocoCategory(_Row):
    """A kind of thing that boxes hold."""

    id: _Id
    name: str
    keypoints: tuple[str, ...] = ()


class CocoFile(_Row):
    """The parts of a COCO file that detection and keypoints need."""

    images: tuple[CocoImage, ...]
    annotations: tuple[CocoBox, ...]
    categories: tuple[CocoCategory, ...] = Field(min_length=1)


def load_coco(path: Path) -> CocoFile:
    """Read a COCO file; a fault in it is a diagnostic at that file."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        reason = fault.strerror or "cannot be read"
        raise _error(COCO_UNREADABLE, path, f"{path}: {reason.lower()}", "correct `coco`") from fault
    try:
        found = CocoFile.model_validate_json(text)
    except ValidationError as fault:
        raise _faulty(path, fault) from fault
    _check_references(path, found)
    _check_keypoints(path, found)
    names: set[str] = set()
    for image in found.images:
        _check_name(path, image.file_name)
        if image.file_name in names:
            raise _error(COCO_MALFORMED, path, f"{path}: {image.file_name!r} is listed twice", "list it once")
        names.add(image.file_name)
    return found


def _faulty(path: Path, fault: ValidationError) -> CompressError:
    """Say the first of the faults and how many more there are."""
    first = fault.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return _error(COCO_UNREADABLE, path, f"{path} is not JSON: {reason}", "export the annotations again")
    where = ".".join(str(part) for part in first["loc"]) or "the top level"
    more = f" (and {fault.error_count() - 1} more)" if fault.error_count() > 1 else ""
    help_ = "follow the COCO layout: images, annotations, categories"
    return _error(COCO_MALFORMED, path, f"{path}, {where}: {first['msg'].lower()}{more}", help_)


def _check_references(path: Path, found: CocoFile) -> None:
    images = _unique(path, "image", [image.id for image in found.images])
    categories = _unique(path, "category", [category.id for category in found.categories])
    for place, box in enumerate(found.annotations):
        if box.image_id not in images:
            raise _dangling(path, place, f"image {box.image_id}")
        if box.category_id not in categories:
            raise _dangling(path, place, f"category {box.category_id}")


def _check_keypoints(path: Path, found: CocoFile) -> None:
    """Hold every annotation to the number of keypoints that its category names, and all to one number."""
    named = {category.id: 3 * len(category.keypoints) for category in found.categories if category.keypoints}
    first = next((len(box.keypoints) for box in found.annotations if box.keypoints), 0)
    for place, box in enumerate(found.annotations):
        if not box.keypoints:
            continue
        wanted = named.get(box.category_id, first)
        if len(box.keypoints) != wanted or wanted != first or wanted % 3:
            said = f"{len(box.keypoints)} keypoint values, it takes {first if wanted == first else wanted}"
            message = f"{path}, annotations.{place}: {said} (x, y, visibility for each of its category's keypoints)"
            raise _error(COCO_MALFORMED, path, message, "give every annotation the same keypoints")
        if any(value not in {0, 1, 2} for value in box.keypoints[2::3]):
            message = f"{path}, annotations.{place}: a visibility is not 0, 1 or 2"
            raise _error(COCO_MALFORMED, path, message, "0 is not labelled, 1 hidden, 2 visible")


def _unique(path: Path, kind: str, ids: list[int]) -> frozenset[int]:
    seen: set[int] = set()
    for id_ in ids:
        if id_ in seen:
            raise _error(COCO_MALFORMED, path, f"{path}: {kind} id {id_} appears twice", "give each its own id")
        seen.add(id_)
    return frozenset(seen)


def _dangling(path: Path, place: int, what: str) -> CompressError:
    message = f"{path}, annotations.{place}: {what} is not in the file"
    return _error(COCO_MALFORMED, path, message, "remove the annotation, or add what it names")


def _check_name(path: Path, name: str) -> None:
    """Refuse a name that leaves the images folder, on either kind of file system."""
    for flavour in (PurePosixPath(name), PureWindowsPath(name)):
        if flavour.anchor or ".." in flavour.parts:
            message = f"{path}: file_name {name!r} leads out of the images folder"
            raise _error(COCO_IMAGE_ESCAPES, path, message, "name files relative to the images folder")


def _error(code: Code, path: Path, message: str, help_: str) -> CompressError:
    return CompressError(Diagnostic(code, message, help=help_, span=Span(str(path))))
