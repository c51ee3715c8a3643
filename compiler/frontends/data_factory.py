"""Open any data source of a recipe; a `python` source runs the user's function, as torch factories are run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from compiler.data.codes import NO_IMAGES
from compiler.data.datasets import list_source
from compiler.data.faults import data_fault
from compiler.data.image_file import eight_bit
from compiler.data.label_codes import PYTHON_DATA
from compiler.data.records import Listing, Objects, Record, make_objects
from compiler.data.source import DataSource
from compiler.diagnostic import CompressError, did_you_mean
from compiler.frontends.codes import FACTORY_RAISES
from compiler.frontends.factory_spec import factory_source, parse_spec
from compiler.frontends.user_code import blamed_on_user, call_function, importing_beside, repeatable

_KEYS = ("image", "inputs", "boxes", "classes", "keypoints", "label")
_FORM = "return an image, (image, class number), or {image: ..., boxes: [[x, y, w, h]], classes: [0], label: 0}"


def open_source(source: DataSource, seed: int = 0) -> Listing:
    """List what a source holds, whatever its kind. A function runs under `seed`; its examples are made when read."""
    return list_source(source) if source.python is None else _open_python(source, source.python, seed)


def _open_python(source: DataSource, spec: str, seed: int) -> Listing:
    parsed, file = parse_spec(spec), factory_source(spec, Path.cwd())
    beside = importing_beside(file) if parsed.is_file else contextlib.nullcontext()
    with repeatable(seed), beside:
        returned = call_function(parsed, file, source.args)
    name = f"{parsed.where}:{parsed.function}"
    if not hasattr(returned, "__getitem__") or not hasattr(returned, "__len__") or isinstance(returned, str | Mapping):
        said = f"{parsed.function} returns a {type(cast('object', returned)).__name__}, not a sequence"
        raise data_fault(PYTHON_DATA, said, "return a list, or an object with a length and [index]", file)
    examples = cast("Any", returned)
    with blamed_on_user(FACTORY_RAISES, f"len() of what {parsed.function} returns failed", file):
        count = min(len(examples), source.limit or 2**62)
    if not count:
        raise data_fault(NO_IMAGES, f"{parsed.function} returns no examples", "return at least one", file)

    def fetch(index: int) -> Record:
        with blamed_on_user(FACTORY_RAISES, f"example {index} of {parsed.function} failed", file):
            example = examples[index]
        return _Example(Path(f"{name}[{index}]"), file).record(index + 1, example)

    return Listing(count, fetch, files=((file.name, file),), is_of_files=False, categories=(), is_complete=False)


class _Example:
    """One example of the user's, read into a record; `place` is what messages call it."""

    def __init__(self, place: Path, file: Path) -> None:
        self._place = place
        self._file = file

    def record(self, image_id: int, example: object) -> Record:
        """Read an image, a pair of image and class, or a dictionary."""
        if isinstance(example, tuple):
            pair = cast("tuple[object, ...]", example)
            if len(pair) != 2:
                raise self._wrong(f"is a tuple of {len(pair)}")
            example = {"image": pair[0], "label": pair[1]}
        if not isinstance(example, Mapping):
            example = {"image": example}
        given = dict(cast("Mapping[str, object]", example))
        unknown = next((key for key in given if key not in _KEYS), None)
        if unknown is not None:
            near = did_you_mean(str(unknown), _KEYS) or f"keys that go here: {', '.join(_KEYS)}"
            raise self._wrong(f"has the unknown key {unknown!r}", near)
        if ("image" in given) == ("inputs" in given):
            raise self._wrong("has neither `image` nor `inputs`" if "image" not in given else "has both kinds of input")
        content = self._image(given["image"]) if "image" in given else self._inputs(given["inputs"])
        return Record(image_id, self._place, content, self._objects(given), self._label(given.get("label")))

    def _image(self, image: object) -> Any:
        from PIL.Image import Image, fromarray

        if isinstance(image, str | Path):
            return self._file.parent / image
        if isinstance(image, Image):
            return eight_bit(image, self._place)
        pixels = self._array(image, "image")
        if (
            pixels.dtype != np.uint8
            or pixels.ndim not in {2, 3}
            or (pixels.ndim == 3 and pixels.shape[2] not in {1, 3})
        ):
            said = f"`image` is {pixels.dtype} of shape {list(pixels.shape)}"
            raise self._wrong(said, "give 8-bit [height, width, 3], or a prepared array under `inputs`")
        if 0 in pixels.shape:
            raise self._wrong("`image` has no pixels")
        return fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels))

    def _inputs(self, inputs: object) -> Mapping[str, Any]:
        if not isinstance(inputs, Mapping) or not inputs:
            raise self._wrong("`inputs` is no dictionary of arrays", "write {name of the input: array}")
        named = cast("Mapping[object, object]", inputs)
        return {str(name): self._array(value, str(name)) for name, value in named.items()}

    def _objects(self, given: Mapping[str, object]) -> Objects:
        boxes = self._rows(given.get("boxes", ()), "boxes", 4)
        classes = self._array(given.get("classes", np.zeros(len(boxes), np.int64)), "classes")
        if (boxes[:, 2:] < 0).any():
            raise self._wrong("has a box of negative width or height", "boxes are x, y, width, height")
        if classes.shape != (len(boxes),) or (len(classes) and (classes.dtype.kind not in "iu" or classes.min() < 0)):
            raise self._wrong(f"has {len(boxes)} boxes; `classes` is {classes.dtype} of shape {list(classes.shape)}")
        points = self._array(given.get("keypoints", ()), "keypoints")
        if points.size and (points.ndim != 3 or points.shape[0] != len(boxes) or points.shape[2] != 3):
            said = f"has {len(boxes)} boxes; `keypoints` has shape {list(points.shape)}"
            raise self._wrong(said, "keypoints are [boxes, points, 3]: x, y, visibility 0 to 2")
        if points.size and not np.isfinite(points.astype(np.float64)).all():
            raise self._wrong("has a keypoint that is not a number")
        return make_objects(boxes, classes.astype(np.int64), points.astype(np.float64))

    def _rows(self, value: object, key: str, width: int) -> Any:
        rows = self._array(value, key)
        if rows.size == 0:
            return np.zeros((0, width))
        if rows.ndim != 2 or rows.shape[1] != width or not np.isfinite(rows.astype(np.float64)).all():
            raise self._wrong(f"`{key}` is not rows of {width} numbers")
        return rows.astype(np.float64)

    def _label(self, label: object) -> int | None:
        if label is None:
            return None
        number = self._array(label, "label")
        if number.shape != () or number.dtype.kind not in "iu" or int(number) < 0:
            raise self._wrong("`label` is no class number", "give a whole number from 0")
        return int(number)

    def _array(self, value: object, key: str) -> Any:
        """Make an array of numbers of lists, NumPy arrays and torch tensors alike."""
        with _quietly_refused(lambda: self._wrong(f"`{key}` is no array of numbers")):
            array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise self._wrong(f"`{key}` is no array of numbers")
        return array

    def _wrong(self, said: str, help_: str = _FORM) -> CompressError:
        return data_fault(PYTHON_DATA, f"{self._place} {said}", help_, self._file)


@contextlib.contextmanager
def _quietly_refused(fault: Callable[[], CompressError]) -> Any:
    """Turn NumPy's refusal of a ragged list into the given error."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise fault() from error
