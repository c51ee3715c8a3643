"""The values of a lowered module: parameters and buffers under dotted keys."""

from torch import Tensor, nn

from compiler.ir import ProgramView
from compiler.lowering.dtypes import to_tensor
from compiler.lowering.layers import Norms
from compiler.lowering.weights import Kind, Weight


def state_of(program: ProgramView, weight: Weight, norms: Norms) -> Tensor:
    """Copy a weight's value out of the program; frozen BatchNormalization asks for no gradient."""
    value = program.const(weight.tensor)
    assert value is not None
    tensor = to_tensor(value)
    if weight.kind is Kind.STATISTIC:
        return tensor
    reader = program.op(weight.readers[0][0])
    return nn.Parameter(tensor, requires_grad=norms == "train" or reader.op_type != "BatchNormalization")


def folder(root: nn.Module, path: str) -> nn.Module:
    """Find or make the submodule of a dotted path."""
    for part in filter(None, path.split(".")):
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root


def put(root: nn.Module, key: str, value: Tensor) -> None:
    """Register a parameter or buffer under a dotted key."""
    path, _, name = key.rpartition(".")
    holder = folder(root, path)
    if isinstance(value, nn.Parameter):
        holder.register_parameter(name, value)
    else:
        holder.register_buffer(name, value)
