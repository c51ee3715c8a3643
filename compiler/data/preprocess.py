"""From a photograph to the array that a model takes, and boxes both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from compiler.data.codes import IMAGE_SIZE, INPUT_SIZE_UNKNOWN
from compiler.data.label_codes import SIZE_MISMATCH
from compiler.diagnostic import CompressError, Diagnostic

if TYPE_CHECKING:
    from PIL.Image import Image

FloatArray = NDArray[np.float32]
_PerChannel = Annotated[tuple[float, ...], Field(max_length=3)]


class Preprocess(BaseModel):
    """How an image becomes a model input: (resized pixels * scale - mean) / std, channels first."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)

    resize: Literal["letterbox", "stretch", "none"] = "letterbox"
    """Keep the proportions and fill up, or stretch to fit, or take images as large as they are."""
    size: tuple[PositiveInt, PositiveInt] | None = None
    """Height and width; the network's own if left out."""
    scale: PositiveFloat = 1 / 255
    """What every pixel value, 0 to 255, is multiplied by first."""
    mean: _PerChannel = ()
    """Subtracted after `scale`, one number for each channel in the order of `layout`."""
    std: Annotated[tuple[PositiveFloat, ...], Field(max_length=3)] = ()
    """Divided by after `mean`, in the same order."""
    layout: Literal["rgb", "bgr", "grey"] = "rgb"
    """The order of the channels; left out, it is grey for a network that takes one. Transparency is dropped."""
    pad_value: int = Field(default=114, ge=0, le=255)
    """The grey, 0 to 255, that fills up a letterbox."""
    orientation: Literal["stored", "upright"] | None = None
    """Whether a camera's rotation mark turns the image; left out, an image with such a mark is refused."""

    @model_validator(mode="after")
    def _one_for_each_channel(self) -> Self:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {0, self.channels}:
                wanted = "3 channels" if self.channels == 3 else "1 channel where `layout` is grey"
                raise ValueError(f"{name} has {len(values)} values, an image has {wanted}")
        return self

    @property
    def channels(self) -> int:
        """How many channels the input has."""
        return 1 if self.layout == "grey" else 3

    def for_input(self, height: int, width: int, channels: int = 3) -> Preprocess:
        """Complete these settings from the network's own input. Raises CompressError where they contradict it."""
        if channels == 1 and "layout" not in self.model_fields_set and not self.mean and not self.std:
            return self.model_copy(update={"layout": "grey"}).for_input(height, width, 1)
        if channels != self.channels:
            said = f"the network takes {channels} channels, `layout: {self.layout}` gives {self.channels}"
            help_ = "state `layout: grey`, with one number in `mean` and `std`" if channels == 1 else "correct `layout`"
            raise CompressError(Diagnostic(SIZE_MISMATCH, said, help_))
        if self.size is not None and self.size != (height, width):
            said = f"`size` is {self.size[0]}x{self.size[1]} (height x width), the network takes {height}x{width}"
            raise CompressError(Diagnostic(SIZE_MISMATCH, said, "leave `size` out, or correct it"))
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

    def points_to_input(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map points (..., 2) from photograph pixels to input pixels."""
        return np.asarray(points, np.float64) * self._scales[:2] + self._pads[:2]

    def points_to_photograph(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map points (..., 2) from input pixels to photograph pixels."""
        return (np.asarray(points, np.float64) - self._pads[:2]) / self._scales[:2]

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
    """Turn an image into a float32 array [1, channels, height, width] and tell where the image lies in it."""
    placed, geometry = _place(coloured(image, settings), settings)
    return to_array(placed, settings), geometry


def coloured(image: Image, settings: Preprocess) -> Image:
    """Return an image in the colours that the network takes, as PIL orders them."""
    return image.convert("L" if settings.layout == "grey" else "RGB")


def to_array(image: Image, settings: Preprocess) -> FloatArray:
    """Turn an image of the network's size into its input: (pixels * scale - mean) / std, channels first."""
    pixels = np.asarray(image, np.float32)
    pixels = pixels[:, :, ::-1] if settings.layout == "bgr" else pixels.reshape(*pixels.shape[:2], -1)
    pixels = pixels * np.float32(settings.scale)
    if settings.mean:
        pixels = pixels - np.array(settings.mean, np.float32)
    if settings.std:
        pixels = pixels / np.array(settings.std, np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])


def _place(photograph: Image, settings: Preprocess) -> tuple[Image, Geometry]:
    size = require_size(photograph, settings)
    if settings.resize == "none":
        return photograph, Geometry(*photograph.size)
    if settings.resize == "stretch":
        return _stretch(photograph, size)
    return _letterbox(photograph, size, settings.pad_value)


def require_size(photograph: Image, settings: Preprocess) -> tuple[int, int]:
    """Return the input's height and width. Raises CompressError where none is known, or an image does not have it."""
    if settings.size is None and settings.resize != "none":
        said, help_ = (
            f"resize is {settings.resize} but no size is known",
            "state `size: [height, width]` under preprocess",
        )
        raise CompressError(Diagnostic(INPUT_SIZE_UNKNOWN, said, help_))
    width, height = photograph.size
    size = settings.size or (height, width)
    if settings.resize == "none" and size != (height, width):
        wanted = f"{size[0]}x{size[1]}"
        raise CompressError(
            Diagnostic(
                IMAGE_SIZE,
                f"an image is {height}x{width} (height x width), the model takes {wanted} and resize is none",
                help="use `resize: letterbox`, or resize the files",
            )
        )
    return size


def _stretch(photograph: Image, size: tuple[int, int]) -> tuple[Image, Geometry]:
    from PIL.Image import Resampling

    height, width = size
    geometry = Geometry(*photograph.size, width / photograph.width, height / photograph.height)
    return photograph.resize((width, height), Resampling.BILINEAR), geometry


def _letterbox(photograph: Image, size: tuple[int, int], pad_value: int) -> tuple[Image, Geometry]:
    """Shrink or enlarge to fit, keep the proportions, centre, and fill the rest with a flat colour."""
    from PIL.Image import Resampling, new

    height, width = size
    inner = letterbox_inner(photograph.size, size)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = new(photograph.mode, (width, height), flat_colour(photograph.mode, pad_value))
    canvas.paste(photograph.resize(inner, Resampling.BILINEAR), (left, top))
    scales = inner[0] / photograph.width, inner[1] / photograph.height
    return canvas, Geometry(*photograph.size, *scales, left, top)


def letterbox_inner(photograph: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return the largest width and height of a photograph (width, height) inside of an input (height, width)."""
    ratio = min(size[1] / photograph[0], size[0] / photograph[1])
    return max(1, round(photograph[0] * ratio)), max(1, round(photograph[1] * ratio))


def flat_colour(mode: str, value: int) -> int | tuple[int, int, int]:
    """Return a grey in the form that an image of this mode takes."""
    return value if mode == "L" else (value, value, value)
