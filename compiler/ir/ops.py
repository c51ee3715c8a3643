"""Typed views of nodes: what an operator's inputs and attributes are called, with ONNX's defaults filled in."""

from typing import ClassVar, TypeVar

import numpy as np

from compiler.ir.types import Array, Attribute, Node

OpT = TypeVar("OpT", bound="Op")

STEERED = frozenset({"Clip", "Dropout", "Pad", "Resize", "Upsample"})
"""Operators whose further inputs set what they do and are no parameters: scales, bounds, pads."""


class Op:
    """A live window on one node. Names are the handles; an absent optional input is the empty name."""

    op_types: ClassVar[tuple[str, ...]] = ()
    """The ONNX operators that this view fits; empty fits all."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"{self.name} ({self.op_type})"

    @classmethod
    def fits(cls, op_type: str, domain: str = "") -> bool:
        """Tell whether this view describes the operator; only `Op` itself fits operators of custom domains."""
        return not cls.op_types or (op_type in cls.op_types and domain == "")

    @property
    def name(self) -> str:
        """The node's unique name."""
        return self._node.name

    @property
    def op_type(self) -> str:
        """The ONNX operator name, such as Conv."""
        return self._node.op_type

    @property
    def domain(self) -> str:
        """The operator set's domain; the empty string is ONNX's own."""
        return self._node.domain

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensor names read, in order; an absent optional one is empty."""
        return tuple(self._node.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Tensor names written, in order; an absent optional one is empty."""
        return tuple(self._node.outputs)

    @property
    def captures(self) -> tuple[str, ...]:
        """Tensors that the node's subgraphs read from the outer graph."""
        return self._node.captures

    @property
    def attributes(self) -> dict[str, Attribute]:
        """A copy of the attributes that the model states."""
        return dict(self._node.attributes)

    @property
    def x(self) -> str:
        """The first input: the data."""
        return self.input(0)

    @property
    def y(self) -> str:
        """The first output."""
        return self._node.outputs[0]

    def input(self, slot: int) -> str:
        """Name the tensor in an input slot, or the empty string."""
        return self._node.inputs[slot] if slot < len(self._node.inputs) else ""

    def has(self, slot: int) -> bool:
        """Tell whether an optional input is given."""
        return self.input(slot) != ""

    def integer(self, key: str, default: int) -> int:
        """Read an integer attribute."""
        value = self._node.attributes.get(key, default)
        assert isinstance(value, int), f"{self}: {key} is not an integer"
        return value

    def number(self, key: str, default: float) -> float:
        """Read a float attribute."""
        value = self._node.attributes.get(key, default)
        assert isinstance(value, (int, float)), f"{self}: {key} is not a number"
        return float(value)

    def text(self, key: str, default: str) -> str:
        """Read a string attribute."""
        value = self._node.attributes.get(key, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def integers(self, key: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Read a list of integers."""
        value = self._node.attributes.get(key)
        return default if value is None else tuple(int(item) for item in np.asarray(value).ravel())

    def array(self, key: str) -> Array | None:
        """Read a tensor attribute, or None."""
        value = self._node.attributes.get(key)
        return None if value is None else np.asarray(value)


class _Windowed(Op):
    """Operators that slide a window: convolutions and pools."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Step per spatial axis; empty means 1 everywhere."""
        return self.integers("strides")

    @property
    def dilations(self) -> tuple[int, ...]:
        """Spacing of the window's taps per spatial axis; empty means 1 everywhere."""
        return self.integers("dilations")

    @property
    def pads(self) -> tuple[int, ...]:
        """Begin pads of every spatial axis, then end pads; empty means none."""
        return self.integers("pads")

    @property
    def auto_pad(self) -> str:
        """NOTSET, VALID, SAME_UPPER or SAME_LOWER."""
        return self.text("auto_pad", "NOTSET")

    @property
    def kernel(self) -> tuple[int, ...]:
        """The stated window; convolutions may leave it to their weight's shape."""
        return self.integers("kernel_shape")


class _Convolution(_Windowed):
    """What Conv and ConvTranspose share: x, w and an optional bias in slots 0, 1, 2."""

    W: ClassVar[int] = 1
    B: ClassVar[int] = 2

    @property
    def w(self) -> str:
        """The weight."""
        return self.input(1)

    @property
    def bias(self) -> tuple[str, ...]:
        """The bias as a tuple of one name, or of none."""
        return (self.input(2),) if self.has(2) else ()

    @property
    def group(self) -> int:
        """Number of groups that the channels are split into."""
        return self.integer("group", 1)


class Conv(_Convolution):
    """Convolution; weight of shape [out, in / group, *kernel]."""

    op_types = ("Conv",)


class ConvTranspose(_Convolution):
    """Transposed convolution; weight of shape [in, out / group, *kernel]."""

    op_types = ("ConvTranspose",)


class BatchNorm(Op):
    """BatchNormalization in inference form: (x - mean) scale / sqrt(var + epsilon) + shift."""

    op_types = ("BatchNormalization",)

    @property
    def params(self) -> tuple[str, str, str, str]:
        """Names of scale, shift, mean and variance, each of shape [channels]."""
        return self.input(1), self.input(2), self.input(3), self.input(4)

    @property
    def epsilon(self) -> float:
        """The constant under the root."""
        return self.number("epsilon", 1e-5)

    @property
    def is_training(self) -> bool:
        """Tell whether the node normalises by its batch's own statistics; until opset 13, extra outputs say so."""
        return self.integer("training_mode", 0) != 0 or any(self.outputs[1:])


class Gemm(Op):
    """alpha A' B' + beta C, where a prime transposes when transA or transB is set."""

    op_types = ("Gemm",)
    W: ClassVar[int] = 1
    C: ClassVar[int] = 2

    @property
    def w(self) -> str:
        """The B matrix."""
        return self.input(1)

    @property
    def is_transposed(self) -> bool:
        """Tell whether B is stored as [out, in]."""
        return self.integer("transB", 0) != 0


class MatMul(Op):
    """Matrix product with numpy's broadcasting."""

    op_types = ("MatMul",)
    W: ClassVar[int] = 1

    @property
    def w(self) -> str:
        """The second operand."""
        return self.input(1)


class Concat(Op):
    """Join tensors along one axis."""

    op_types = ("Concat",)

    @property
    def axis(self) -> int:
        """The axis, possibly negative."""
        return self.integer("axis", 0)


class Pad(Op):
    """Pad a tensor's borders; pads and value are inputs 1 and 2, axes (opset 18) input 3."""

    op_types = ("Pad",)

    @property
    def mode(self) -> str:
        """One of constant, reflect, edge and wrap."""
        return self.text("mode", "constant")


class Pool(_Windowed):
    """MaxPool, AveragePool and LpPool."""

    op_types = ("MaxPool", "AveragePool", "LpPool")


class Identity(Op):
    """The identity."""

    op_types = ("Identity",)


class Dropout(Op):
    """Dropout; the identity unless its training_mode input says otherwise."""

    op_types = ("Dropout",)


def view(node: Node, kind: type[OpT]) -> OpT:
    """Open a typed window on a node that the view fits."""
    assert kind.fits(node.op_type, node.domain), f"{node.op_type} is no {kind.__name__}"
    return kind(node)
