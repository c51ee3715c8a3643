"""Hang the rest of a network on other feature maps: re-made readers or 1x1 adapters, and maps brought to size."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from compiler.ir import Array, Conv, ConvTranspose, Op, Program, ProgramView
from compiler.rewrites.grow import Grower

Join: TypeAlias = Literal["readers", "adapter"]
"""`readers`: the layers behind the cut take the new channels. `adapter`: a 1x1 convolution makes the old ones."""


@dataclass(frozen=True)
class Mixing:
    """How old channels are made of new ones: matrix [old, new], and what is added."""

    matrix: Array
    shift: Array


def readers_can_change(program: ProgramView, tensor: str, inside: frozenset[str]) -> bool:
    """Tell whether every outside reader of a tensor is a convolution whose weight can take other channels."""
    outside = [op for op in program.readers(tensor) if op.name not in inside]
    return bool(outside) and not program.is_output(tensor) and all(_can_change(program, op, tensor) for op in outside)


def _can_change(program: ProgramView, op: Op, tensor: str) -> bool:
    is_conv = Conv.fits(op.op_type, op.domain) or ConvTranspose.fits(op.op_type, op.domain)
    is_plain = is_conv and op.integer("group", 1) == 1 and op.inputs.count(tensor) == 1
    return is_plain and op.x == tensor and program.is_constant(op.input(1))


def to_size(grow: Grower, name: str, x: str, height: int, width: int) -> str:
    """Bring a map to a size: a strided depthwise mean where the size divides, else nearest neighbours."""
    channels, high, wide = grow.size(x)
    if (high, wide) == (height, width):
        return x
    step = high // height
    if high == step * height and wide == step * width:
        return grow.window(f"{name}.shrink", x, step)
    sizes = grow.program.add_constant(f"{name}.size", np.asarray((1, channels, height, width), np.int64))
    attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return grow.node("Resize", f"{name}.resize", [x, "", "", sizes], (channels, height, width), dict(attributes))


def join_readers(program: Program, tensor: str, feature: str, mixing: Mixing, inside: frozenset[str]) -> None:
    """Let the convolutions behind a tensor read another one, their weights multiplied by the mixing matrix."""
    for op in program.readers(tensor):
        if op.name in inside:
            continue
        weight = program.const(op.input(1))
        assert weight is not None
        axis = 1 if op.op_type == "Conv" else 0
        program.set_input(op, 0, feature)
        program.give_const(op, 1, _mixed(weight, mixing.matrix, axis))


def _mixed(weight: Array, matrix: Array, axis: int) -> Array:
    """Multiply a weight's input channels by a mixing matrix; with a stand-in there is nothing to multiply."""
    if not any(matrix.strides):
        shape = (*weight.shape[:axis], matrix.shape[1], *weight.shape[axis + 1 :])
        return np.broadcast_to(np.zeros((), weight.dtype), shape)
    product = np.tensordot(weight, matrix.astype(weight.dtype), (axis, 0))
    return np.ascontiguousarray(np.moveaxis(product, -1, axis))


def join_adapter(grow: Grower, name: str, tensor: str, feature: str, mixing: Mixing, inside: frozenset[str]) -> None:  # noqa: PLR0913, PLR0917
    """Make the old channels by a 1x1 convolution, and let every outside reader read them."""
    program = grow.program
    weight = grow.store(f"{name}.weight", mixing.matrix.astype(np.float32)[:, :, None, None])
    shift = grow.store(f"{name}.bias", mixing.shift.astype(np.float32))
    _, height, width = grow.size(feature)
    inputs, size = [feature, weight, shift], (len(mixing.shift), height, width)
    adapted = grow.node("Conv", name, inputs, size, {"kernel_shape": [1, 1]})
    for op in program.readers(tensor):
        if op.name in inside:
            continue
        for slot, read in enumerate(op.inputs):
            if read == tensor:
                program.set_input(op, slot, adapted)


def remove_dead(program: Program) -> None:
    """Remove the nodes that lead nowhere."""
    for op in reversed(list(program.each())):
        is_live = any(program.readers(tensor) or program.is_output(tensor) for tensor in op.outputs if tensor)
        if not is_live:
            program.remove(op)


def blank_mixing(old: int, new: int) -> Mixing:
    """Give zeros that take no memory, for lint."""
    return Mixing(np.broadcast_to(np.float32(0), (old, new)), np.zeros(old, np.float32))


def drawn_mixing(old: int, new: int, rng: np.random.Generator) -> Mixing:
    """Draw a mixing at random, of a size that keeps values near 1."""
    return Mixing(rng.normal(0, 1 / np.sqrt(new), (old, new)).astype(np.float32), np.zeros(old, np.float32))


class Regression:
    """Least squares of old maps on new ones, summed up image by image; a constant joins the new ones if asked."""

    def __init__(self, old: int, new: int) -> None:
        self._both = np.zeros((new + 1, new + 1))
        self._cross = np.zeros((old, new + 1))
        self._energy = 0.0
        self._pixels = 0

    def add(self, old: Array, new: Array) -> None:
        """Add one image's maps [1, channels, height, width] of one size."""
        target = old[0].reshape(old.shape[1], -1).astype(np.float64)
        given = new[0].reshape(new.shape[1], -1).astype(np.float64)
        given = np.concatenate([given, np.ones((1, given.shape[1]))])
        self._both += given @ given.T
        self._cross += target @ given.T
        self._energy += float(np.square(target).sum())
        self._pixels += target.shape[1]

    def solve(self, *, shifted: bool) -> tuple[Mixing, float]:
        """Return the mixing, and the share of the old maps' energy that it explains."""
        count = len(self._both) - (0 if shifted else 1)
        both, cross = self._both[:count, :count], self._cross[:, :count]
        scale = float(np.trace(both)) / count or 1.0
        matrix = np.linalg.solve(both + 1e-4 * scale * np.eye(count), cross.T).T
        left = self._energy - 2 * float((matrix * cross).sum()) + float(((matrix @ both) * matrix).sum())
        shift = matrix[:, -1] if shifted else np.zeros(len(matrix))
        mixing = Mixing(matrix[:, : len(self._both) - 1].astype(np.float32), shift.astype(np.float32))
        return mixing, 1 - left / self._energy if self._energy > 0 else 0.0
