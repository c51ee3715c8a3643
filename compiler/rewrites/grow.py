"""Grow layers onto a program: convolutions with normalisation, gates, shuffles, named as checkpoints name them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from compiler.ir import Array, Program, ProgramView, TensorType

Role: TypeAlias = Literal["weight", "one", "zero"]
"""What a parameter starts as: a random weight, ones (scales, variances) or zeros (shifts, means, biases)."""
Values: TypeAlias = Callable[[str, tuple[int, ...], Role], Array]
"""Where parameters come from: name, shape and role to a value."""
Size: TypeAlias = tuple[int, int, int]
"""Channels, height and width."""

_FLOAT = np.dtype(np.float32)


class Grower:
    """Adds layers one by one and knows the size of every map that it made.

    Parameters keep the names of the reference implementation's state dictionary, behind a prefix.
    """

    def __init__(self, program: Program, values: Values, prefix: str = "") -> None:
        self.program = program
        self._values = values
        self._prefix = prefix
        self._sizes: dict[str, Size] = {}

    def begin(self, tensor: str, size: Size) -> str:
        """Start from a tensor of the program."""
        self._sizes[tensor] = size
        return tensor

    def size(self, tensor: str) -> Size:
        """Tell a map's channels, height and width."""
        return self._sizes[tensor]

    def conv(  # noqa: PLR0913 - a convolution has this many parts
        self, name: str, x: str, outs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1, bias: bool = False
    ) -> str:
        """Convolve with padding for the same size."""
        ins, height, width = self.size(x)
        inputs = [x, self._parameter(f"{name}.weight", (outs, ins // groups, kernel, kernel), "weight")]
        if bias:
            inputs.append(self._parameter(f"{name}.bias", (outs,), "zero"))
        attributes: dict[str, object] = {"kernel_shape": [kernel, kernel]}
        if kernel > 1:
            attributes["pads"] = [kernel // 2] * 4
        if stride > 1:
            attributes["strides"] = [stride, stride]
        if groups > 1:
            attributes["group"] = groups
        size = (outs, -(-height // stride), -(-width // stride))
        return self.node("Conv", name, inputs, size, attributes)

    def norm(self, name: str, x: str, epsilon: float = 1e-5) -> str:
        """Normalise by fixed statistics."""
        channels = (self.size(x)[0],)
        roles: Mapping[str, Role] = {"weight": "one", "bias": "zero", "running_mean": "zero", "running_var": "one"}
        parameters = [self._parameter(f"{name}.{part}", channels, role) for part, role in roles.items()]
        return self.node("BatchNormalization", name, [x, *parameters], self.size(x), {"epsilon": epsilon})

    def act(self, kind: str, x: str) -> str:
        """Apply an activation: relu, relu6, hardswish, hardsigmoid, or nothing for the empty word."""
        if kind == "relu6":
            bounds = [self.program.add_constant(f"{x}_bound", np.asarray(bound, _FLOAT)) for bound in (0.0, 6.0)]
            return self.node("Clip", "relu6", [x, *bounds], self.size(x))
        if kind == "hardswish":
            return self.node("Mul", "hardswish", [x, self.act("hardsigmoid", x)], self.size(x))
        if kind == "hardsigmoid":
            return self.node("HardSigmoid", kind, [x], self.size(x), {"alpha": 1 / 6, "beta": 0.5})
        return self.node("Relu", kind, [x], self.size(x)) if kind else x

    def gate(self, name: str, x: str, squeezed: int) -> str:
        """Squeeze and excite: scale each channel by a function of all channels' means."""
        pooled = self.node("GlobalAveragePool", f"{name}.avgpool", [x], (self.size(x)[0], 1, 1))
        inner = self.act("relu", self.conv(f"{name}.fc1", pooled, squeezed, bias=True))
        scale = self.act("hardsigmoid", self.conv(f"{name}.fc2", inner, self.size(x)[0], bias=True))
        return self.node("Mul", f"{name}.scale", [x, scale], self.size(x))

    def pool(self, op_type: str, name: str, x: str) -> str:
        """Pool 3x3 with stride 2."""
        channels, height, width = self.size(x)
        attributes: dict[str, object] = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}
        if op_type == "AveragePool":
            attributes["count_include_pad"] = 1
        return self.node(op_type, name, [x], (channels, -(-height // 2), -(-width // 2)), attributes)

    def window(self, name: str, x: str, step: int) -> str:
        """Take the mean of each window of step x step pixels, channel by channel, by a depthwise convolution."""
        channels, height, width = self.size(x)
        weight = np.full((channels, 1, step, step), 1 / step**2, np.float32)
        inputs = [x, self.program.add_constant(f"{self._prefix}{name}.weight", weight)]
        attributes: dict[str, object] = {"kernel_shape": [step, step], "strides": [step, step], "group": channels}
        return self.node("Conv", name, inputs, (channels, height // step, width // step), attributes)

    def add(self, name: str, x: str, other: str) -> str:
        """Add two maps of one size."""
        return self.node("Add", name, [x, other], self.size(x))

    def concat(self, name: str, parts: Sequence[str]) -> str:
        """Join maps along the channels."""
        channels = sum(self.size(part)[0] for part in parts)
        return self.node("Concat", name, parts, (channels, *self.size(parts[0])[1:]), {"axis": 1})

    def halves(self, name: str, x: str) -> tuple[str, str]:
        """Split a map into two along the channels."""
        channels, height, width = self.size(x)
        widths = (channels // 2, channels - channels // 2)
        sizes = self.program.add_constant(f"{self._prefix}{name}_sizes", np.asarray(widths, np.int64))
        outputs = self.program.fresh(f"{self._prefix}{name}_a"), self.program.fresh(f"{self._prefix}{name}_b")
        self.program.add("Split", [x, sizes], outputs, {"axis": 1}, name=f"{self._prefix}{name}")
        for output, part in zip(outputs, widths, strict=True):
            self._note(output, (part, height, width))
        return outputs

    def shuffle(self, name: str, x: str, groups: int) -> str:
        """Deal the channels of each group out over all groups."""
        size, each = self.size(x), self.size(x)[0] // groups
        wide = (1, groups, each, *size[1:])
        view = self.store(f"{name}.view_shape", np.asarray(wide, np.int64))
        back = self.store(f"{name}.back_shape", np.asarray((1, *size), np.int64))
        x = self.node("Reshape", f"{name}.view", [x, view], size)
        self.program.set_type(x, TensorType(_FLOAT, wide))
        x = self.node("Transpose", f"{name}.deal", [x], size, {"perm": [0, 2, 1, 3, 4]})
        self.program.set_type(x, TensorType(_FLOAT, (1, each, groups, *size[1:])))
        return self.node("Reshape", f"{name}.back", [x, back], size)

    def classify(self, name: str, x: str, classes: int, *, bias: bool = True) -> str:
        """Multiply a flat vector by a matrix."""
        inputs = [x, self._parameter(f"{name}.weight", (classes, self.size(x)[0]), "weight")]
        if bias:
            inputs.append(self._parameter(f"{name}.bias", (classes,), "zero"))
        return self._flat(self.node("Gemm", name, inputs, (classes, 1, 1), {"transB": 1}))

    def flat_mean(self, x: str) -> str:
        """Average each channel and flatten."""
        channels = (self.size(x)[0], 1, 1)
        pooled = self.node("GlobalAveragePool", "avgpool", [x], channels)
        return self._flat(self.node("Flatten", "flatten", [pooled], channels))

    def graft(self, piece: ProgramView, x: str) -> list[str]:
        """Copy the nodes of a network with one input behind a tensor, and return its outputs."""
        values = {name: piece.const(name) for name in piece.constants}
        renamed = {"": "", piece.inputs[0]: x}
        renamed |= {name: self.store(name, value) for name, value in values.items() if value is not None}
        for op in piece.each():
            renamed |= {name: self.program.fresh(f"{self._prefix}{name}") for name in op.outputs if name}
            inputs, outputs = ([renamed[name] for name in names] for names in (op.inputs, op.outputs))
            self.program.add(op.op_type, inputs, outputs, op.attributes, name=f"{self._prefix}{op.name}")
            for name in filter(None, op.outputs):
                self.program.set_type(renamed[name], piece.type(name))
        for name in piece.outputs:
            shape = piece.shape(name)
            assert shape is not None
            self._note(renamed[name], (shape[1], shape[2], shape[3]))
        return [renamed[name] for name in piece.outputs]

    def store(self, name: str, value: Array) -> str:
        """Store a constant behind the prefix."""
        return self.program.add_constant(f"{self._prefix}{name}", value)

    def node(
        self, op_type: str, name: str, inputs: Sequence[str], size: Size, attributes: Mapping[str, object] | None = None
    ) -> str:
        """Add a node with one output of a known size."""
        output = self.program.fresh(f"{self._prefix}{name}_out")
        self.program.add(op_type, inputs, [output], attributes, name=f"{self._prefix}{name}")
        return self._note(output, size)

    def _flat(self, tensor: str) -> str:
        self.program.set_type(tensor, TensorType(_FLOAT, (1, self.size(tensor)[0])))
        return tensor

    def _note(self, tensor: str, size: Size) -> str:
        self._sizes[tensor] = size
        self.program.set_type(tensor, TensorType(_FLOAT, (1, *size)))
        return tensor

    def _parameter(self, name: str, shape: tuple[int, ...], role: Role) -> str:
        return self.program.add_constant(f"{self._prefix}{name}", self._values(name, shape, role))


def blank(name: str, shape: tuple[int, ...], role: Role) -> Array:
    """Give a stand-in that takes no memory for its elements, for lint and for trials."""
    del name
    return np.broadcast_to(np.float32(1.0 if role == "one" else 0.0), shape)


def drawn(rng: np.random.Generator) -> Values:
    """Draw weights from a normal distribution of variance 2 / fan-out; scales start at 1, shifts at 0."""

    def value(name: str, shape: tuple[int, ...], role: Role) -> Array:
        del name
        if role != "weight":
            return np.full(shape, 1.0 if role == "one" else 0.0, np.float32)
        fan_out = shape[0] * int(np.prod(shape[2:]))
        if len(shape) == 4 and shape[1] == 1:
            fan_out = int(np.prod(shape[2:]))
        return rng.normal(0, np.sqrt(2 / fan_out), shape).astype(np.float32)

    return value
