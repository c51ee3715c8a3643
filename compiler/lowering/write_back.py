"""Carry trained values back into the program: values by name, structure never."""

import numpy as np
from torch import fx

from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Array, Program
from compiler.lowering.codes import DIVERGED, OTHER_STRUCTURE
from compiler.lowering.dtypes import to_array
from compiler.lowering.lower import Lowered
from compiler.lowering.weights import Weight
from compiler.rewrites.write_values import Value, write_values

_ADVICE = "write back into the program that was lowered"


def lowered(module: fx.GraphModule) -> Lowered:
    """Tell what a lowered module knows about its program."""
    found = module.meta["lowered"]
    assert isinstance(found, Lowered)
    return found


def write_back(module: fx.GraphModule, program: Program) -> tuple[str, ...]:
    """Copy every weight and running statistic into the program; return the layers that now read other values.

    A weight that several layers share changes for all of them at once and stays shared; what only looked shared gets
    a constant for each reader. Nothing is written unless everything fits. Raises CompressError.
    """
    state = module.state_dict()
    weights = lowered(module).weights
    checked = [_checked(program, weight, state[weight.key]) for weight in weights]
    findings = [item for item in checked if isinstance(item, Diagnostic)]
    if findings:
        raise CompressError(*findings)
    values = [
        Value(weight.readers, value)
        for weight, value in zip(weights, checked, strict=True)
        if not isinstance(value, Diagnostic) and not np.array_equal(value, _current(program, weight))
    ]
    write_values(program, values)
    return tuple(dict.fromkeys(layer for value in values for layer, _ in value.readers))


def _checked(program: Program, weight: Weight, tensor: object) -> Array | Diagnostic:
    """Bring a value into the program's element type, or say why it does not fit."""
    from torch import Tensor

    assert isinstance(tensor, Tensor)
    layer = weight.readers[0][0]
    if not all(
        program.has_op(name) and program.is_constant(program.op(name).input(slot)) for name, slot in weight.readers
    ):
        said = f"the program has no layer that reads {weight.tensor} as a constant any more"
        return Diagnostic(OTHER_STRUCTURE, said, _ADVICE, layer=layer)
    before = _current(program, weight)
    if tuple(tensor.shape) != before.shape:
        said = f"{weight.tensor} has shape {list(tensor.shape)} and the program's is {list(before.shape)}"
        return Diagnostic(OTHER_STRUCTURE, said, _ADVICE, layer=layer)
    value = to_array(tensor, before.dtype)
    if not np.all(np.isfinite(value)) and np.all(np.isfinite(before)):
        said = f"the trained values of {weight.tensor} hold infinity or NaN"
        return Diagnostic(DIVERGED, said, "lower the learning rate", layer=layer)
    return value


def _current(program: Program, weight: Weight) -> Array:
    """Read the value that the weight's readers see now."""
    layer, slot = weight.readers[0]
    value = program.const(program.op(layer).input(slot))
    assert value is not None
    return value
