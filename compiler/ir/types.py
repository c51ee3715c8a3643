"""The small values of the IR: tensor types, attributes, edits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Attribute: TypeAlias = object
"""A Python int, float, str, list of these, a numpy array, or a graphsurgeon graph (a loop body)."""


@dataclass(frozen=True)
class TensorType:
    """Element type and shape of a tensor. A `None` shape is unknown; a `None` or named dimension is dynamic."""

    dtype: np.dtype[np.generic] | None = None
    shape: tuple[int | str | None, ...] | None = None

    @cached_property
    def static_shape(self) -> tuple[int, ...] | None:
        """The shape when every dimension is a number, else None."""
        if self.shape is None:
            return None
        numbers = tuple(dim for dim in self.shape if isinstance(dim, int))
        return numbers if len(numbers) == len(self.shape) else None

    def __str__(self) -> str:
        """Render as float32[1,3,8,8]."""
        dims = "?" if self.shape is None else ",".join("?" if dim is None else str(dim) for dim in self.shape)
        return f"{self.dtype or '?'}[{dims}]"


@dataclass(frozen=True)
class Edit:
    """One line of a program's journal: what was done to which layer."""

    verb: str
    layer: str
    detail: str = ""


@dataclass
class Node:
    """One operator application, as the program stores it. Passes see it through `Op` views only."""

    name: str
    op_type: str
    domain: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Attribute]
    captures: tuple[str, ...] = ()
    """Tensors of this graph that the node's subgraphs (If, Loop, Scan bodies) read by name."""


Attributes: TypeAlias = Mapping[str, Attribute]
