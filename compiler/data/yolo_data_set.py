"""What surrounds YOLO labels: where they lie, what the classes are called, how many keypoints follow a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compiler.data.codes import FOLDER_MISSING
from compiler.data.faults import data_fault
from compiler.data.label_codes import LABELS_MISSING, YOLO_MALFORMED

_YAML = (".yaml", ".yml")
_LARGEST = 1_000_000


@dataclass(frozen=True)
class DataSet:
    """A folder of label files and what is known of them; no names where nothing states them."""

    labels: Path
    names: tuple[str, ...]
    keypoints: int = 0
    values: int = 3
    """Values for each keypoint: x and y, or x, y and visibility."""
    files: tuple[Path, ...] = ()
    """The files that say so."""


def read_data_set(yolo: Path, images: Path, names: tuple[str, ...] | None) -> DataSet:
    """Read the data.yaml, or the folder with its classes.txt; names that the recipe states come first."""
    if yolo.suffix.lower() in _YAML:
        return _from_yaml(yolo, images, names)
    if not yolo.is_dir():
        advice = "correct `yolo`; it names the folder of the .txt files, or a data.yaml"
        raise data_fault(FOLDER_MISSING, f"{yolo} is not a folder", advice, yolo)
    listed = yolo / "classes.txt"
    if names is not None or not listed.is_file():
        return DataSet(yolo, names or ())
    try:
        found = tuple(line.strip() for line in listed.read_text("utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as fault:
        raise data_fault(YOLO_MALFORMED, f"{listed} is not readable text", "one class a line", listed) from fault
    return DataSet(yolo, found, files=(listed,))


def _from_yaml(path: Path, images: Path, names: tuple[str, ...] | None) -> DataSet:
    content = _load(path)
    found = names or _names(path, content.get("names"))
    count = content.get("nc")
    if count is not None and count != len(found):
        message = f"{path.name} says `nc: {count}` and names {len(found)} classes"
        raise data_fault(YOLO_MALFORMED, message, "correct `nc` or `names`", path)
    shape = content.get("kpt_shape", [0, 3])
    if not _is_shape(shape):
        raise data_fault(YOLO_MALFORMED, f"{path.name}: `kpt_shape` is not [number, 2 or 3]", "correct it", path)
    return DataSet(_label_folder(path, images), found, shape[0], shape[1], (path,))


def _load(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_bytes()
        content = yaml.safe_load(text) if len(text) <= _LARGEST else None
    except OSError as fault:
        reason = (fault.strerror or "cannot be read").lower()
        raise data_fault(YOLO_MALFORMED, f"{path}: {reason}", "correct `yolo`", path) from fault
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as fault:
        raise data_fault(YOLO_MALFORMED, f"{path} is not YAML", "correct the file", path) from fault
    if not isinstance(content, Mapping):
        raise data_fault(YOLO_MALFORMED, f"{path} holds no keys", "it needs `names: [cat, dog]`", path)
    return dict(cast("Mapping[str, Any]", content))


def _names(path: Path, names: Any) -> tuple[str, ...]:
    """Read `names`, a list or a mapping from 0 on."""
    if isinstance(names, Mapping):
        numbered = cast("Mapping[Any, Any]", names)
        if set(numbered) == set(range(len(numbered))):
            names = [numbered[number] for number in range(len(numbered))]
    if isinstance(names, list) and names and all(isinstance(name, str | int) for name in cast("list[Any]", names)):
        return tuple(str(name) for name in cast("list[Any]", names))
    advice = "write `names: [cat, dog]`, or number them from 0"
    raise data_fault(YOLO_MALFORMED, f"{path.name}: `names` is no list of classes", advice, path)


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, list) or len(cast("list[Any]", shape)) != 2:
        return False
    number, values = cast("list[Any]", shape)
    return type(number) is int and 0 <= number <= 10_000 and type(values) is int and values in {2, 3}


def _label_folder(path: Path, images: Path) -> Path:
    """Find the labels as Ultralytics does: the last `images` of the path becomes `labels`."""
    parts = list(images.parts)
    place = next((index for index in reversed(range(len(parts))) if parts[index] == "images"), None)
    if place is None:
        message = f"where the labels of {images} lie cannot be told: its path has no part `images`"
        raise data_fault(LABELS_MISSING, message, f"name the folder of the labels as `yolo`, not {path.name}", images)
    return Path(*parts[:place], "labels", *parts[place + 1 :])
