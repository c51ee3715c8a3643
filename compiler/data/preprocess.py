"""From a photograph to the array that a model takes, and boxes both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from compiler.data.codes import IMAGE_SIZE, INPUT_SIZE_UNKNOWN
from compiler.diagnostic import CompressError, Diagnostic

if TYPE_CHECKING:
    from PIL.Image import Image

FloatArray = NDArray[np.float32]
_PerChannel = Annotated[tuple[float, ...], Field(max_length=3)]


class Preprocess(BaseModel):
    """How an image becomes a model input: (resized pixels * scale - mean) / std, channels first.

    `size` is (height, width). `mean` and `std` are in the order of `layout`, in units after `scale`; empty means none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    resize: Literal["letterbox", "stretch", "none"] = "letterbox"
    size: tuple[PositiveInt, PositiveInt] | None = None
    scale: PositiveFloat = 1 / 255
    mean: _PerChannel = ()
    std: Annotated[tuple[PositiveFloat, ...], Field(max_length=3)] = ()
    layout: Literal["rgb", "bgr"] = "rgb"
    pad_value: int = Field(default=114, ge=0, le=255)

    @model_validator(mode="after")
    def _three_channels(self) -> Self:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {0, 3}:
                raise ValueError(f"{name} has {len(values)} values, an image has 3 channels")
        return self

    def for_input(self, height: int, width: int) -> Preprocess:
        """Return these settings with the model's own input size where the recipe states none."""
        return self if self.size is not None else self.model_copy(update={"size": (height, width)})


@dataclass(frozen=True)
class Geometry:
    """Where a photograph lies inside the model input: input = photograph * scale + pad, for x and for y."""

    width: int
    height: int
    scale_x: float = 1.0
    scale_y: float = 1.0
    pad_x: int = 0
    pad_y: int = 0

    def to_input(self, boxes: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map corner boxes (x1, y1, x2, y2) from photograph pixels to input pixels."""
        return np.asarray(boxes, np.float64) * self._scales + self._pads

    def to_photograph(self, boxes: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map corner boxes from input pixels to photograph pixels; nothing is clipped."""
        return (np.asarray(boxes, np.float64) - self._pads) / self._scales

    def clip(self, boxes: NDArray[np.floating]) -> NDArray[np.float64]:
        """Cut corner boxes in photograph pixels at the edges of the photograph."""
        return np.clip(np.asarray(boxes, np.float64), 0, np.array([self.width, self.height] * 2, np.float64))

    @property
    def _scales(self) -> NDArray[np.float64]:
        return np.array([self.scale_x, self.scale_y] * 2, np.float64)

    @property
    def _pads(self) -> NDArray[np.float64]:
        return np.array([self.pad_x, self.pad_y] * 2, np.float64)


def prepare(image: Image, settings: Preprocess) -> tuple[FloatArray, Geometry]:
    """Turn an image into a float32 array [1, 3, height, width] and tell where the image lies in it."""
    photograph = image.convert("RGB")
    placed, geometry = _place(photograph, settings)
    pixels = np.asarray(placed, np.float32)
    if settings.layout == "bgr":
        pixels = pixels[:, :, ::-1]
    pixels = pixels * np.float32(settings.scale)
    if settings.mean:
        pixels = pixels - np.array(settings.mean, np.float32)
    if settings.std:
        pixels = pixels / np.array(settings.std, np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis]), geometry


def _place(photograph: Image, settings: Preprocess) -> tuple[Image, Geometry]:
    if settings.resize == "none":
        return _as_is(photograph, settings)
    if settings.size is None:
        raise CompressError(
            Diagnostic(
                INPUT_SIZE_UNKNOWN,
                f"resize is {settings.resize} but no size is known",
                help="state `size: [height, width]` under preprocess",
            )
        )
    if settings.resize == "stretch":
        return _stretch(photograph, settings.size)
    return _letterbox(photograph, settings.size, settings.pad_value)


def _as_is(photograph: Image, settings: Preprocess) -> tuple[Image, Geometry]:
    width, height = photograph.size
    if settings.size is not None and settings.size != (height, width):
        wanted = f"{settings.size[0]}x{settings.size[1]}"
        raise CompressError(
            Diagnostic(
                IMAGE_SIZE,
                f"an image is {height}x{width} (height x width), the model takes {wanted} and resize is none",
                help="use `resize: letterbox`, or resize the files",
            )
        )
    return photograph, Geometry(width, height)


def _stretch(photograph: Image, size: tuple[int, int]) -> tuple[Image, Geometry]:
    from PIL.Image import Resampling

    height, width = size
    geometry = Geometry(*photograph.size, width / photograph.width, height / photograph.height)
    return photograph.resize((width, height), Resampling.BILINEAR), geometry


def _letterbox(photograph: Image, size: tuple[int, int], pad_value: int) -> tuple[Image, Geometry]:
    """Shrink or enlarge to fit, keep the proportions, centre, and fill the rest with a flat colour."""
    from PIL.Image import Resampling, new

    height, width = size
    ratio = min(width / photograph.width, height / photograph.height)
    inner = (max(1, round(photograph.width * ratio)), max(1, round(photograph.height * ratio)))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = new("RGB", (width, height), (pad_value, pad_value, pad_value))
    canvas.paste(photograph.resize(inner, Resampling.BILINEAR), (left, top))
    scales = inner[0] / photograph.width, inner[1] / photograph.height
    return canvas, Geometry(*photograph.size, *scales, left, top)
