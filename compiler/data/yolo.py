"""YOLO text labels: one file for each image, one object a line, in shares of the photograph."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.data.faults import data_fault, some_of
from compiler.data.image_file import image_files
from compiler.data.label_codes import BOX_OUTSIDE, LABELS_MISSING, UNKNOWN_CLASS, YOLO_MALFORMED
from compiler.data.records import Listing, Objects, Record, make_objects, records_listing
from compiler.data.source import DataSource
from compiler.data.yolo_data_set import DataSet, read_data_set
from compiler.diagnostic import Code

_LARGEST = 10_000_000
"""Bytes; a label file has some forty for each object."""

_ROUNDING = 1e-6


@dataclass(frozen=True)
class _Line:
    kind: int
    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float, float], ...]


def list_yolo(source: DataSource) -> Listing:
    """List the images of a folder with the labels of their text files. Every line is checked now."""
    assert source.yolo is not None and source.images is not None
    images = image_files(source.images, "images")[: source.limit]
    known = read_data_set(source.yolo, source.images, source.names)
    labels = [known.labels / f"{path.stem}.txt" for path in images]
    _check_files(source, images, labels)
    objects = [_read_labels(path, known) if path.is_file() else make_objects() for path in labels]
    highest = max((int(item.categories.max(initial=-1)) for item in objects), default=-1)
    count = len(known.names) or highest + 1
    records = [
        Record(place, path, path, found, has_shares=True)
        for place, (path, found) in enumerate(zip(images, objects, strict=True), start=1)
    ]
    pairs = [(f"{path.parent.name}/{path.name}", path) for path in (*labels, *images) if path.is_file()]
    return records_listing(
        records,
        files=(*((path.name, path) for path in known.files), *pairs),
        categories=tuple(range(count)),
        names=known.names,
        is_complete=bool(known.names),
    )


def _check_files(source: DataSource, images: list[Path], labels: list[Path]) -> None:
    """Refuse images that share a label file, and images without one."""
    seen: dict[str, Path] = {}
    for path in images:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            message = f"{other.name} and {path.name} would share the label file {path.stem}.txt"
            raise data_fault(YOLO_MALFORMED, message, "rename one of them", path)
    missing = [path for path in labels if not path.is_file()]
    if missing and (source.unlabelled == "refuse" or len(missing) == len(labels)):
        message = f"{some_of(len(missing), len(labels), 'images')} have no label file, first {missing[0]}"
        advice = "correct `yolo`; where such images show no object, add `unlabelled: background`"
        raise data_fault(LABELS_MISSING, message, advice, missing[0])


def _read_labels(path: Path, known: DataSet) -> Objects:
    lines = list(_lines(path, known))
    boxes = [line.box for line in lines]
    return make_objects(boxes, [line.kind for line in lines], [line.points for line in lines if line.points])


def _lines(path: Path, known: DataSet) -> Iterator[_Line]:
    try:
        if path.stat().st_size > _LARGEST:
            raise data_fault(YOLO_MALFORMED, f"{path} is larger than any label file", "check what it is", path)
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise data_fault(YOLO_MALFORMED, f"{path} is not readable text", "write the labels again", path) from fault
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _parse(line, known)
            except _LineError as fault:
                message = f"line {number} of {path.name}: {fault}"
                raise data_fault(fault.code, message, fault.advice, path, number, line) from fault


class _LineError(ValueError):
    """What is wrong with one line."""

    def __init__(self, message: str, advice: str, code: Code = YOLO_MALFORMED) -> None:
        super().__init__(message)
        self.advice = advice
        self.code = code


def _parse(line: str, known: DataSet) -> _Line:
    """Read `class x y width height`, and keypoints where data.yaml states their number."""
    words = line.split()
    wanted = 5 + known.keypoints * known.values
    if len(words) != wanted:
        advice = "write `class x y width height`" + (f" and {wanted - 5} keypoint values" if known.keypoints else "")
        is_outline = len(words) > 5 and len(words) % 2 and not known.keypoints
        hint = "; this looks like the outline of a segment" if is_outline else ""
        raise _LineError(f"{len(words)} values, it takes {wanted}{hint}", advice)
    kind = _class(words[0], known)
    x, y, width, height, *points = (_number(word) for word in words[1:])
    for name, value in (("x", x), ("y", y), ("width", width), ("height", height)):
        if not -_ROUNDING <= value <= 1 + _ROUNDING:
            advice = "divide pixels by the photograph's width and height"
            raise _LineError(f"{name} is {value:g}, it must lie between 0 and 1", advice, BOX_OUTSIDE)
    step = known.values
    rows = [points[start : start + step] for start in range(0, len(points), step)]
    seen = tuple((row[0], row[1], row[2] if step == 3 else 2.0 if any(row) else 0.0) for row in rows)
    return _Line(kind, (x - width / 2, y - height / 2, width, height), seen)


def _class(word: str, known: DataSet) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) < 7):
        raise _LineError(f"the class is {word[:40]!r}, it takes a whole number from 0", "write the number of the class")
    kind = int(word)
    if known.names and kind >= len(known.names):
        count, advice = len(known.names), "correct the label, or the list of names"
        raise _LineError(f"class {kind} of a data set with {count} classes, 0 to {count - 1}", advice, UNKNOWN_CLASS)
    return kind


def _number(word: str) -> float:
    try:
        value = float(word) if "_" not in word else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _LineError(f"{word[:40]!r} is not a number", "write shares of the photograph from 0 to 1")
    return value
