"""The `data` sources of a recipe: which files hold the images, and which the labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from compiler.codes.recipe import BAD_VALUE

PATH_KEYS = ("images", "coco", "yolo", "classes", "npz")
"""The keys of a source that name a file or a folder."""

_KINDS = ("coco", "yolo", "classes", "npz", "python")
_WITH_IMAGES = ("coco", "yolo")
_FORMS = "write {images: folder}, {coco: file, images: folder}, {yolo: labels, images: folder}, {classes: folder}, \
{npz: file} or {python: file.py:function}"


def _one_kind(schema: dict[str, Any]) -> None:
    """Tell editors which keys go together."""

    def form(kind: str, *optional: str) -> dict[str, Any]:
        needed = [kind, "images"] if kind in _WITH_IMAGES else [kind]
        others = [key for key in ("images", *_KINDS, "args", "names", "unlabelled") if key not in {*needed, *optional}]
        return {
            "title": kind,
            "properties": {key: {"not": {"type": "null"}} for key in needed},
            "required": needed,
            "not": {"anyOf": [{"required": [key], "properties": {key: {"not": {"type": "null"}}}} for key in others]},
        }

    schema["oneOf"] = [
        form("images"),
        form("coco"),
        form("yolo", "names", "unlabelled"),
        form("classes", "names"),
        form("npz"),
        form("python", "args"),
    ]


class DataSource(BaseModel):
    """Images, and labels if there are any. Paths count from the recipe's folder.

    One of: `images` alone; `coco` with `images`; `yolo` with `images`; `classes`; `npz`; `python`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        defer_build=True,
        json_schema_extra=_one_kind,
        title="DataSource",
    )

    images: Path | None = None
    """A folder of images (.bmp, .jpeg, .jpg, .png, .webp), not of its subfolders."""
    coco: Path | None = None
    """A COCO file with boxes or keypoints for the images."""
    yolo: Path | None = None
    """A folder of YOLO label files, one .txt for each image, or the data set's data.yaml."""
    classes: Path | None = None
    """A folder with one subfolder of images for each class; its name is the class."""
    npz: Path | None = None
    """An .npz file of inputs (first axis: the examples), optionally with class numbers under `labels`."""
    python: str | None = None
    """A function that returns a sequence of examples, as path/to/file.py:function or package.module:function."""
    args: dict[str, JsonValue] = {}
    """Keyword arguments for the python function."""
    names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The classes in the order of the network's outputs; for `classes` (else: sorted by name) and `yolo`."""
    unlabelled: Literal["refuse", "background"] = "refuse"
    """What an image without a YOLO label file is: a fault, or a picture without objects."""
    limit: PositiveInt | None = None
    """Take only so many: the first by name, of each class in turn."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        fault = _source_fault(self)
        if fault is not None:
            raise fault
        return self

    @property
    def kind(self) -> str:
        """The key that says what kind of source this is."""
        return next((kind for kind in _KINDS if getattr(self, kind) is not None), "images")

    def under(self, folder: Path) -> DataSource:
        """Return this source with its relative paths taken from `folder`, the home of the recipe."""
        given = {key: getattr(self, key) for key in PATH_KEYS}
        return self.model_copy(update={key: folder / path for key, path in given.items() if path is not None})


def _source_fault(source: DataSource) -> PydanticCustomError | None:
    """Return what is wrong with the keys of a source, or None."""
    kinds = [kind for kind in _KINDS if getattr(source, kind) is not None]
    if len(kinds) > 1:
        help_ = "keep one of them; set the other to null where an extended recipe names it"
        return _fault(f"a source of data has both `{kinds[0]}` and `{kinds[1]}`", help_, kinds[1])
    kind = kinds[0] if kinds else "images"
    if source.images is None and kind in {"images", *_WITH_IMAGES}:
        if kind == "images":
            return _fault("a source of data names no data", _FORMS, None)
        return _fault(f"`{kind}` needs `images`", f"add `images: folder` beside `{kind}`", kind)
    if source.images is not None and kind not in {"images", *_WITH_IMAGES}:
        return _fault(f"`images` does not go with `{kind}`", f"`{kind}` holds the images itself; remove it", "images")
    strays: Mapping[str, bool] = {
        "args": bool(source.args) and kind != "python",
        "names": source.names is not None and kind not in {"classes", "yolo"},
        "unlabelled": source.unlabelled != "refuse" and kind != "yolo",
    }
    for key, is_stray in strays.items():
        if is_stray:
            return _fault(f"`{key}` does not go with `{kind}`", f"remove `{key}`", key)
    return _detail_fault(source)


def _detail_fault(source: DataSource) -> PydanticCustomError | None:
    if source.names is not None and len(set(source.names)) < len(source.names):
        return _fault("`names` holds a name twice", "give each class its own name", "names")
    if source.python is not None:
        module, _, function = source.python.rpartition(":")
        if not module or not function.isidentifier():
            fault = "`python` takes file.py:function or package.module:function"
            return _fault(fault, "write `python: data.py:validation`", "python")
    return None


def _fault(message: str, help_: str, key: str | None) -> PydanticCustomError:
    """Make an error that the recipe's reader turns into a diagnostic at that key."""
    context: dict[str, Any] = {"fault": message, "help": help_, "key": key}
    return PydanticCustomError(cast("Any", BAD_VALUE.slug), "{fault}", context)
