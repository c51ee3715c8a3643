"""What the lowering of an operator may ask about the node that it lowers."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from compiler.diagnostic import Code
from compiler.ir import Array, Op, TensorType
from compiler.lowering.codes import NOT_CONSTANT, NOT_LOWERED, UNKNOWN_SHAPE
from compiler.lowering.dtypes import torch_type
from compiler.lowering.layers import DropoutUse, Norms


class RefusedError(Exception):
    """A node that is not lowered, and why."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Scope(Protocol):
    """Where a node's operands come from: a graph under construction, or values to fold at once."""

    opset: int
    norms: Norms
    dropout: DropoutUse

    strayed: set[str]
    """Tensors whose outermost axis is not the batch."""

    def type(self, tensor: str) -> TensorType:
        """Tell a tensor's type, as far as known."""
        ...

    def operand(self, op: Op, slot: int) -> Tensor:
        """Hand out an input, as something that torch functions take."""
        ...

    def known(self, tensor: str) -> Array | None:
        """Hand out a value that no input of the network can change."""
        ...

    def constant(self, value: Array) -> Tensor:
        """Make a constant that moves with the module between devices."""
        ...

    def layer(self, name: str, module: nn.Module, operands: tuple[Tensor, ...]) -> Tensor:
        """Call a module of the graph's own."""
        ...


class Call:
    """One node. Lowerings are plain torch code over `call[0]`, `call[1]`: each runs on real tensors as well."""

    def __init__(self, op: Op, scope: Scope) -> None:
        self.op = op
        self._scope = scope

    def __getitem__(self, slot: int) -> Tensor:
        """Hand out an input that must be given."""
        if not self.op.has(slot):
            raise RefusedError(NOT_LOWERED, f"input {slot} is not given")
        return self._scope.operand(self.op, slot)

    def maybe(self, slot: int) -> Tensor | None:
        """Hand out an optional input."""
        return self[slot] if self.op.has(slot) else None

    @property
    def every(self) -> list[Tensor]:
        """All inputs."""
        return [self[slot] for slot in range(len(self.op.inputs))]

    @property
    def opset(self) -> int:
        """The version of ONNX's operator set."""
        return self._scope.opset

    @property
    def scope(self) -> Scope:
        """What the node stands in."""
        return self._scope

    def static(self, slot: int) -> Array | None:
        """Read an optional input that has to be constant."""
        if not self.op.has(slot):
            return None
        value = self._scope.known(self.op.input(slot))
        if value is None:
            raise RefusedError(NOT_CONSTANT, f"its input {slot} is computed at run time")
        return value

    def integers(self, slot: int) -> tuple[int, ...] | None:
        """Read an optional constant list of integers."""
        value = self.static(slot)
        return None if value is None else tuple(int(item) for item in value.ravel())

    def number(self, slot: int) -> float | None:
        """Read an optional scalar, when it is given and constant."""
        value = self._scope.known(self.op.input(slot)) if self.op.has(slot) else None
        return float(value.ravel()[0]) if value is not None and value.size == 1 else None

    def shape(self, slot: int = 0) -> tuple[int, ...]:
        """Tell an input's shape."""
        return self._static_shape(self.op.input(slot))

    def out_shape(self, index: int = 0) -> tuple[int, ...]:
        """Tell an output's shape."""
        return self._static_shape(self.op.outputs[index])

    def rank(self, slot: int = 0) -> int:
        """Count an input's axes."""
        shape = self._scope.type(self.op.input(slot)).shape
        if shape is None:
            raise RefusedError(UNKNOWN_SHAPE, f"the shape of {self.op.input(slot)} is not known")
        return len(shape)

    def dtype(self, slot: int = 0) -> torch.dtype:
        """Tell an input's element type."""
        return self._dtype_of(self.op.input(slot))

    def out_dtype(self, index: int = 0) -> torch.dtype:
        """Tell an output's element type."""
        return self._dtype_of(self.op.outputs[index])

    @property
    def is_batch_first(self) -> bool:
        """Tell whether the first input lies image by image in memory."""
        return self.op.x not in self._scope.strayed

    def axis(self, default: int, slot: int = 0, key: str = "axis") -> int:
        """Read the axis attribute as a count from the front."""
        axis = self.op.integer(key, default)
        return axis + self.rank(slot) if axis < 0 else axis

    def constant(self, value: Array) -> Tensor:
        """Make a constant, such as a table of indices, that moves with the module."""
        return self._scope.constant(value)

    def floats(self, value: Array) -> Tensor:
        """Make a constant of the first input's element type; a buffer, it follows the module's precision."""
        return self._scope.constant(value.astype(str(self.dtype()).removeprefix("torch.")))

    def settled(self, value: Tensor) -> Tensor:
        """Bring integers back to the first input's element type; floats keep the precision that they run in."""
        return value if self.dtype().is_floating_point else value.to(self.dtype())

    def layer(self, module: nn.Module, *operands: Tensor) -> Tensor:
        """Call a module that knows whether the network trains."""
        return self._scope.layer(self.op.name, module, operands)

    @property
    def is_training_norm(self) -> bool:
        """Tell whether a BatchNormalization always normalises by its batch's own statistics."""
        return self.op.integer("training_mode", 0) != 0 or any(self.op.outputs[1:])

    def refuse(self, reason: str) -> RefusedError:
        """Make the error to raise for what has no lowering."""
        return RefusedError(NOT_LOWERED, reason)

    def _static_shape(self, tensor: str) -> tuple[int, ...]:
        shape = self._scope.type(tensor).static_shape
        if shape is None:
            raise RefusedError(UNKNOWN_SHAPE, f"the shape of {tensor} is not known")
        return shape

    def _dtype_of(self, tensor: str) -> torch.dtype:
        dtype = self._scope.type(tensor).dtype
        found = None if dtype is None else torch_type(np.dtype(dtype))
        if found is None:
            raise RefusedError(NOT_LOWERED, f"torch does not compute with {dtype or 'an unknown element type'}")
        return found
