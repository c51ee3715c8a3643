"""Scopes in which a lowering runs at once: on values to fold, or on outlines to learn a shape from."""

import torch
from torch import Tensor, nn

from compiler.ir import Array, Op, TensorType
from compiler.lowering.call import RefusedError, Scope
from compiler.lowering.codes import UNKNOWN_SHAPE
from compiler.lowering.dtypes import to_tensor, torch_type
from compiler.lowering.layers import DropoutUse, Norms


class Folding:
    """Real tensors: every operand's value is known."""

    def __init__(self, around: Scope) -> None:
        self.opset, self.strayed = around.opset, around.strayed
        self.norms: Norms = around.norms
        self.dropout: DropoutUse = "off"
        self._around = around

    def type(self, tensor: str) -> TensorType:
        """Tell a tensor's type."""
        return self._around.type(tensor)

    def operand(self, op: Op, slot: int) -> Tensor:
        """Hand out a known value."""
        value = self.known(op.input(slot))
        assert value is not None
        return to_tensor(value)

    def known(self, tensor: str) -> Array | None:
        """Hand out a known value."""
        return self._around.known(tensor)

    def constant(self, value: Array) -> Tensor:
        """Make a tensor."""
        return to_tensor(value)

    def layer(self, name: str, module: nn.Module, operands: tuple[Tensor, ...]) -> Tensor:
        """Run the module as in evaluation."""
        del name
        return module.eval()(*operands)


class Outline(Folding):
    """Tensors of torch's meta device: shapes and element types without data."""

    def operand(self, op: Op, slot: int) -> Tensor:
        """Make an outline of an input."""
        kind = self.type(op.input(slot))
        dtype = None if kind.dtype is None else torch_type(kind.dtype)
        if kind.static_shape is None or dtype is None:
            raise RefusedError(UNKNOWN_SHAPE, f"the shape of {op.input(slot)} is not known")
        return torch.empty(kind.static_shape, dtype=dtype, device="meta")

    def constant(self, value: Array) -> Tensor:
        """Make an outline of a constant."""
        return to_tensor(value).to("meta")
