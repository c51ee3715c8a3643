"""Put two smaller convolutions in the place of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from compiler.analysis.kernel_pair import overlapping
from compiler.analysis.low_rank import Stack
from compiler.ir import Array, Conv, ConvTranspose, Program, TensorType

Scheme: TypeAlias = Literal["channel", "kernel-channel", "kernel", "kernel-3x3"]
Convolution: TypeAlias = Conv | ConvTranspose

_WINDOW = ("auto_pad", "dilations", "kernel_shape", "output_padding", "output_shape", "pads", "strides")


@dataclass(frozen=True)
class Part:
    """One of the two convolutions."""

    op_type: str
    weight: Array
    attributes: Mapping[str, object]


def cores(op: Convolution, weight: Array) -> Stack:
    """Bring a weight of either layout to [group, in / group, out / group, *kernel], in double precision."""
    return _by_group(op, weight).astype(np.float64)


def unfold(op: Convolution, weight: Array, scheme: Scheme, groups: int = 1) -> Stack:
    """Lay a weight out as the matrices that a scheme factorises, [blocks, rows, columns].

    Rows are what the first convolution sums over: a block's input channels for `channel`, those times the kernel's
    width for `kernel`. For `kernel-channel` each input channel is a block: output channels by kernel taps. For
    `kernel-3x3` all 3x3 windows of a 5x5 kernel stand side by side.
    """
    core = cores(op, weight)
    group, ins, outs, *window = core.shape
    if scheme == "channel":
        return core.reshape(group * groups, ins // groups, -1)
    if scheme == "kernel-channel":
        return core.reshape(group * ins, outs, -1)
    if scheme == "kernel-3x3":
        return overlapping(core)
    height, width = window
    return np.swapaxes(core, 2, 4).reshape(group, ins * width, height * outs)


def unfolded_shape(op: Convolution, shape: tuple[int, ...], scheme: Scheme, groups: int = 1) -> tuple[int, int, int]:
    """Tell what `unfold` makes of a weight of this shape."""
    group, ins, outs, *window = _by_group(op, np.broadcast_to(np.float32(0), shape)).shape
    taps = int(np.prod(window))
    if scheme == "channel":
        return group * groups, ins // groups, outs * taps
    if scheme == "kernel-channel":
        return group * ins, outs, taps
    if scheme == "kernel-3x3":
        return group, ins * 9, 9 * outs
    return group, ins * window[1], window[0] * outs


def parts(op: Convolution, weight: Array, scheme: Scheme, factors: tuple[Array, Array]) -> tuple[Part, Part]:
    """Turn the two factors of an unfolded weight into the two convolutions."""
    make = {"channel": _channel, "kernel-channel": _kernel_channel, "kernel": _kernel, "kernel-3x3": _pair}[scheme]
    left, right = (factor.astype(weight.dtype, copy=False) for factor in factors)
    return make(op, _by_group(op, weight).shape, left, right)


def factorize(program: Program, op: Convolution, first: Part, second: Part) -> None:
    """Add the first convolution; the node itself becomes the second, so that its name and output stay."""
    kind = program.type(op.x).dtype
    middle = program.fresh(f"{op.name}_first")
    weight = program.add_constant(f"{middle}_w", first.weight)
    program.add(first.op_type, [op.x, weight], [middle], first.attributes, name=middle)
    program.set_type(middle, TensorType(kind))
    program.retype(op, second.op_type, [middle, program.add_constant(f"{op.name}_w", second.weight), *op.bias])
    for key, value in second.attributes.items():
        program.set_attribute(op, key, value)


def _by_group(op: Convolution, weight: Array) -> Array:
    """Bring a weight of either layout to [group, in / group, out / group, *kernel]."""
    if isinstance(op, Conv):
        outs, ins, *window = weight.shape
        return np.swapaxes(weight.reshape(op.group, outs // op.group, ins, *window), 1, 2)
    ins, outs, *window = weight.shape
    return weight.reshape(op.group, ins // op.group, outs, *window)


def _part(op_type: str, core: Array, attributes: Mapping[str, object]) -> Part:
    """Bring a weight [group, in / group, out / group, *kernel] to its operator's layout."""
    group, ins, outs, *window = core.shape
    if op_type == "Conv":
        weight = np.swapaxes(core, 1, 2).reshape(group * outs, ins, *window)
    else:
        weight = core.reshape(group * ins, outs, *window)
    shown = {"group": group} if group > 1 else {}
    return Part(op_type, np.ascontiguousarray(weight), {**attributes, **shown, "kernel_shape": window})


def _channel(op: Convolution, shape: tuple[int, ...], left: Array, right: Array) -> tuple[Part, Part]:
    """Put 1x1 in front, then the kernel on fewer channels."""
    group, _, outs, *window = shape
    ones = (1,) * len(window)
    first = _part("Conv", left.reshape(*left.shape, *ones), {})
    return first, _part(op.op_type, right.reshape(group, -1, outs, *window), _window(op))


def _kernel_channel(op: Convolution, shape: tuple[int, ...], left: Array, right: Array) -> tuple[Part, Part]:
    """Give each channel its own kernels, one for each rank, then mix all that they give by 1x1."""
    group, ins, outs, *window = shape
    first = _part(op.op_type, right.reshape(group * ins, 1, -1, *window), _window(op))
    mixing = np.swapaxes(left.reshape(group, ins, outs, -1), 2, 3)
    return first, _part("Conv", mixing.reshape(group, -1, outs, *(1 for _ in window)), {})


def _kernel(op: Convolution, shape: tuple[int, ...], left: Array, right: Array) -> tuple[Part, Part]:
    """Make a row of the kernel's width, then a column of its height."""
    group, ins, outs, height, width = shape
    row = np.swapaxes(left.reshape(group, ins, width, -1), 2, 3)[:, :, :, None, :]
    column = np.swapaxes(right.reshape(group, -1, height, outs), 2, 3)[..., None]
    return _part(op.op_type, row, _one_axis(op, 1)), _part(op.op_type, column, _one_axis(op, 0))


def _pair(op: Convolution, shape: tuple[int, ...], left: Array, right: Array) -> tuple[Part, Part]:
    """Make two 3x3 whose windows add up to the 5x5.

    Between two convolutions nothing may be cut off or filled in: all padding goes to the first and all striding to the
    second. A transposed one runs the other way: it strides first, and cuts its padding off what the second gives.
    """
    group, ins, outs, *_ = shape
    found = _window(op)
    first = np.moveaxis(left.reshape(group, ins, 3, 3, -1), -1, 2)
    second = np.moveaxis(right.reshape(group, -1, 3, 3, outs), -1, 2)
    early, late = (("pads",), ("strides",)) if op.op_type == "Conv" else (("strides", "output_padding"), ("pads",))
    head, tail = ({key: found[key] for key in ("dilations", *own) if key in found} for own in (early, late))
    return _part(op.op_type, first, head), _part(op.op_type, second, tail)


def _window(op: Convolution) -> dict[str, object]:
    """Copy what says where the window goes."""
    return {key: value for key, value in op.attributes.items() if key in _WINDOW}


def _one_axis(op: Convolution, axis: int) -> dict[str, object]:
    """Copy what says where the window goes along one of two axes; the other axis stands still."""
    found = _window(op)
    for key, still in (("strides", 1), ("dilations", 1), ("output_padding", 0)):
        if key in found:
            found[key] = [value if place == axis else still for place, value in enumerate(op.integers(key))]
    if "pads" in found:
        found["pads"] = [value if place % 2 == axis else 0 for place, value in enumerate(op.pads)]
    return found
