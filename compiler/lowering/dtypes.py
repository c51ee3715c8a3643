"""Element types and values between numpy and torch, the kinds that numpy lacks included."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from compiler.ir import Array

_TYPES: Mapping[str, torch.dtype] = {
    "bool": torch.bool,
    "uint8": torch.uint8,
    "int8": torch.int8,
    "uint16": torch.uint16,
    "int16": torch.int16,
    "uint32": torch.uint32,
    "int32": torch.int32,
    "uint64": torch.uint64,
    "int64": torch.int64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}
NARROW = frozenset({torch.uint16, torch.uint32, torch.uint64})
"""Types that torch stores but hardly computes with."""


def torch_type(dtype: np.dtype[np.generic]) -> torch.dtype | None:
    """Name torch's element type, or None when torch has none that computes."""
    return _TYPES.get(dtype.name)


def to_tensor(value: Array) -> Tensor:
    """Copy an array into a tensor. The element type must be one that torch has."""
    kind = torch_type(value.dtype)
    assert kind is not None, f"torch has no {value.dtype}"
    if value.dtype.name == "bfloat16":  # numpy knows it through an extension that torch does not read
        return torch.from_numpy(np.array(value, order="C").view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(np.array(value, order="C"))


def to_array(value: Tensor, dtype: np.dtype[np.generic] | None = None) -> Array:
    """Copy a tensor into an array, of the given element type where one is given."""
    plain = value.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
        dtype = dtype or np.dtype("bfloat16")
    array = plain.contiguous().numpy()
    return np.array(array if dtype is None else array.astype(dtype), order="C")
