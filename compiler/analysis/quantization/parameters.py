"""Scales and zero points: real = scale (integer - zero point)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array

Floats = NDArray[np.float64]

_LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}


@dataclass(frozen=True)
class Grid:
    """The integers of one tensor."""

    scale: float
    zero_point: int
    dtype: str
    """int8 or uint8."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Tell the smallest and largest real number that the integers reach."""
        low, high = _LIMITS[self.dtype]
        return self.scale * (low - self.zero_point), self.scale * (high - self.zero_point)


def grid_of(low: float, high: float, dtype: str, *, is_symmetric: bool) -> Grid:
    """Choose the integers for a range, which is widened to hold 0 so that padding with zeros is exact.

    Symmetric: scale = max |x| / 127, zero point 0 (128 for uint8). Otherwise scale = (high - low) / 255.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    least, most = _LIMITS[dtype]
    if is_symmetric:
        scale = max(-low, high) / 127
        return Grid(_positive(scale), 0 if dtype == "int8" else 128, dtype)
    scale = _positive((high - low) / 255)
    zero_point = int(np.clip(np.rint(least - low / scale), least, most))
    return Grid(scale, zero_point, dtype)


def quantized(value: Array, scale: Floats, zero_point: int, dtype: str) -> Array:
    """Round to the nearest integer, halves to even, and saturate; `scale` broadcasts against the value."""
    least, most = _LIMITS[dtype]
    steps = np.rint(value.astype(np.float64) / scale) + zero_point
    return np.clip(steps, least, most).astype(dtype)


def weight_scales(weight: Array, axis: int) -> Floats:
    """Choose one symmetric scale for each filter: max |w| / 127, of shape [filters]; all-zero filters get 1."""
    others = tuple(other for other in range(weight.ndim) if other != axis)
    peaks = np.abs(weight.astype(np.float64)).max(axis=others, initial=0.0)
    return np.where(peaks > 0, peaks / 127, 1.0)


def weight_grid(weight: Array) -> Grid:
    """Choose unsigned integers for constants from the least to the largest of them; zeros alone get a fine scale."""
    low, high = float(weight.min(initial=0.0)), float(weight.max(initial=0.0))
    return grid_of(low, high, "uint8", is_symmetric=False) if high > low else Grid(1 / 256, 0, "uint8")


def _positive(scale: float) -> float:
    """Keep a scale that float32 can hold; a tensor that is 0 all over gets 1."""
    return float(np.float32(scale)) if np.float32(scale) > np.finfo(np.float32).tiny else 1.0
