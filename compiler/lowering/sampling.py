"""Where Resize takes its samples from, and with which weights, for one axis: numbers only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    """How Resize computes, the same for every axis."""

    mode: str
    """nearest, linear or cubic."""
    coordinates: str
    nearest: str
    cubic: float = -0.75
    excludes_outside: bool = False
    is_antialiased: bool = False


@dataclass(frozen=True)
class Axis:
    """What happens to one axis."""

    length: int
    size: int
    scale: float
    area: tuple[float, float] = (0.0, 1.0)
    """The part of the input that tf_crop_and_resize looks at."""


def coordinates_of(axis: Axis, mode: str) -> Floats:
    """Place each output position on the input's axis."""
    y, length, scale = np.arange(axis.size, dtype=np.float64), axis.length, axis.scale
    width = scale * length
    if mode == "align_corners":
        return y * 0 if width == 1 else y * (length - 1) / (width - 1)
    if mode == "asymmetric":
        return y / scale
    if mode == "tf_crop_and_resize":
        low, high = axis.area
        if width == 1:
            return y * 0 + (high - low) * (length - 1) / 2 + low * (length - 1)
        return y * (high - low) * (length - 1) / (width - 1) + low * (length - 1)
    if mode == "pytorch_half_pixel" and width == 1:
        return y * 0 - 0.5
    offset = length / 2 * (1 - axis.size / width) if mode == "half_pixel_symmetric" else 0.0
    return offset + (y + 0.5) / scale - 0.5


def nearest_of(axis: Axis, sampling: Sampling) -> NDArray[np.int64]:
    """Pick one input position for each output position."""
    x = coordinates_of(axis, sampling.coordinates)
    if sampling.nearest == "floor":
        picked = np.floor(x)
    elif sampling.nearest == "ceil":
        picked = np.ceil(x)
    else:
        picked = np.ceil(x - 0.5) if sampling.nearest == "round_prefer_floor" else np.floor(x + 0.5)
    return np.clip(picked, 0, axis.length - 1).astype(np.int64)


def torch_nearest_of(axis: Axis) -> NDArray[np.int64]:
    """Pick as F.interpolate(mode="nearest") does, in its own precision."""
    ratio = np.float32(axis.length) / np.float32(axis.size)
    picked = np.floor(np.arange(axis.size, dtype=np.float32) * ratio)
    return np.minimum(picked, axis.length - 1).astype(np.int64)


def matrix_of(axis: Axis, sampling: Sampling) -> tuple[Floats, NDArray[np.bool_]]:
    """Weigh every input position for each output position: shape [size, length]; and tell what lies outside."""
    x = coordinates_of(axis, sampling.coordinates)
    is_crop = sampling.coordinates == "tf_crop_and_resize"
    outside = (x < 0) | (x > axis.length - 1) if is_crop else np.zeros(axis.size, dtype=bool)
    if sampling.mode == "nearest":
        return np.eye(axis.length)[nearest_of(axis, sampling)], outside
    shrink = min(axis.scale, 1.0) if sampling.is_antialiased else 1.0
    reach = (1.0 if sampling.mode == "linear" else 2.0) / shrink
    taps = np.arange(int(np.floor(-reach)) + 1, int(np.ceil(reach)) + 1)
    places = np.floor(x)[:, None].astype(np.int64) + taps[None, :]
    distance = np.abs((places - x[:, None]) * shrink)
    weights = np.clip(1 - distance, 0, 1) if sampling.mode == "linear" else _cubic(distance, sampling.cubic)
    if sampling.is_antialiased:
        weights = weights / weights.sum(axis=1, keepdims=True)
    if sampling.excludes_outside:
        weights = np.where((places < 0) | (places >= axis.length), 0.0, weights)
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0, 1.0, total)
    return _spread(places, weights, axis.length), outside


def torch_matrix_of(axis: Axis, mode: str, *, corners: bool) -> Floats:
    """Weigh as F.interpolate does when it is given the size."""
    y = np.arange(axis.size, dtype=np.float64)
    if corners:
        x = y * (axis.length - 1) / (axis.size - 1) if axis.size > 1 else y * 0
    else:
        x = (y + 0.5) * axis.length / axis.size - 0.5
        x = np.maximum(x, 0) if mode == "linear" else x
    taps = np.arange(0, 2) if mode == "linear" else np.arange(-1, 3)
    places = np.floor(x)[:, None].astype(np.int64) + taps[None, :]
    distance = np.abs(places - x[:, None])
    weights = np.clip(1 - distance, 0, 1) if mode == "linear" else _cubic(distance, -0.75)
    return _spread(places, weights, axis.length)


def _cubic(distance: Floats, a: float) -> Floats:
    """Evaluate the cubic convolution kernel."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _spread(places: NDArray[np.int64], weights: Floats, length: int) -> Floats:
    """Write the taps into a row over the whole input; what lies outside falls on the edge."""
    matrix = np.zeros((len(places), length))
    rows = np.repeat(np.arange(len(places)), places.shape[1])
    np.add.at(matrix, (rows, np.clip(places, 0, length - 1).ravel()), weights.ravel())
    return matrix
