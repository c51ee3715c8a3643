"""Calls of the builder as C++ text, and the files of their weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from compiler.ir import Array
from targets.emitters._pack import is_smaller_packed
from targets.emitters.acl.activations import number
from targets.emitters.acl.integers import Grid
from targets.emitters.acl.steps import Argument, Code, Form, Ref, Shape, Step, Weight

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _./:+-")
_LONGEST = 100


@dataclass
class Text:
    """C++ text in the making: its calls, the weights by file name, and the variables of tensors."""

    is_packing: bool = False
    """Whether files of weights that are mostly zeros hold a map of bits and the others."""
    calls: list[str] = field(default_factory=list[str])
    weights: dict[str, Array] = field(default_factory=dict[str, Array])
    variables: dict[str, str] = field(default_factory=dict[str, str])


def write_cpp(steps: Sequence[Step], *, is_packing: bool = False) -> Text:
    """Write each call on a line of its own; layers are numbered, so that labels tell them apart."""
    text, layer = Text(is_packing), 0
    for step in steps:
        label: tuple[str, ...] = ()
        if step.layer:
            layer += 1
            label = (label_text(f"{layer:03d} {step.layer}"),)
        arguments = ", ".join((*label, *(_argument(text, item) for item in step.arguments)))
        call = f"net.{step.method}({arguments});"
        if step.result:
            text.variables[step.result] = f"t{len(text.variables)}"
            call = f"const Tensor {text.variables[step.result]} = {call}"
        text.calls.append(call)
    return text


def label_text(name: str) -> str:
    """Quote a name for C++: what is no letter, digit or plain sign becomes an underscore."""
    return '"' + "".join(sign if sign in _PLAIN else "_" for sign in name[:_LONGEST]) + '"'


def _argument(text: Text, item: Argument) -> str:
    """Write one argument of a call."""
    if isinstance(item, Ref):
        return text.variables[item.tensor]
    if isinstance(item, Code):
        return item.text
    if isinstance(item, Weight):
        return _weight(text, item)
    if isinstance(item, Form):
        return _form(item.shape, item.grid)
    if isinstance(item, tuple):
        return f"{{{', '.join(_argument(text, part) for part in item)}}}"
    return number(item) if isinstance(item, float) else str(item)


def _form(shape: Shape, grid: Grid | None) -> str:
    """Write a tensor's form."""
    extents = f"{{{', '.join(map(str, shape))}}}"
    return extents if grid is None else f"bytes({extents}, {number(grid.scale)}, {grid.offset})"


def _weight(text: Text, weight: Weight) -> str:
    """Give an array the next file."""
    value = weight.value
    if value is None:
        return "Weight()"
    is_whole = value.dtype == np.int32
    kind = np.uint8 if weight.grid is not None else np.int32 if is_whole else np.float32
    value = np.asarray(value, dtype=kind, order="C")
    name = f"weights/{len(text.weights):04d}.{'packed' if text.is_packing and is_smaller_packed(value) else 'npy'}"
    text.weights[name] = value
    form = _form(value.shape, weight.grid)
    return f'Weight("{name}", {f"wholes({form})" if is_whole else form})'
