"""Operators that move values without changing them: reshapes, joins, cuts, pads.

Where the batch is the outermost axis of what is reshaped, the target's first axis takes what there is: any batch fits.
"""

from math import ceil, prod

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.ir import Array
from compiler.lowering.call import Call
from compiler.lowering.registry import Result, lowers
from compiler.lowering.windows import pad_list


@lowers("Shape")
def shape(call: Call) -> Tensor:
    """State the input's shape, or a part of it."""
    end = call.op.attributes.get("end")
    dims = call.shape()[call.op.integer("start", 0) : None if end is None else int(str(end))]
    return call.constant(np.asarray(dims, np.int64))


@lowers("Size")
def size(call: Call) -> Tensor:
    """State the number of elements."""
    return call.constant(np.asarray(prod(call.shape()), np.int64))


@lowers("Constant")
def constant(call: Call) -> Tensor:
    """State a value."""
    raise call.refuse("its value is not a tensor of numbers")


@lowers("ConstantOfShape")
def constant_of_shape(call: Call) -> Tensor:
    """Fill a shape with one number."""
    value, dims = call.op.array("value"), call.integers(0)
    assert dims is not None
    filler = np.zeros(1, np.float32) if value is None else value.ravel()
    return call.constant(np.broadcast_to(filler, dims))


@lowers("Range")
def arange(call: Call) -> Tensor:
    """Count from a start to a limit."""
    start, limit, step = (call.static(slot) for slot in range(3))
    assert start is not None and limit is not None and step is not None
    count = max(0, ceil((limit.item() - start.item()) / step.item()))
    return call.constant((start.item() + np.arange(count) * step.item()).astype(start.dtype))


@lowers("EyeLike")
def eye_like(call: Call) -> Tensor:
    """Make a matrix with ones on one diagonal."""
    rows, columns = call.shape()
    dtype = np.dtype(str(call.out_dtype()).removeprefix("torch."))
    return call.constant(np.eye(rows, columns, call.op.integer("k", 0), dtype=dtype))


@lowers("Reshape")
def reshape(call: Call) -> Tensor:
    """Give another shape to the same values, for any batch."""
    target = _target(call)
    if target and 0 not in target and call.is_batch_first:
        target[0] = -1
    return call[0].reshape(target)


def _target(call: Call) -> list[int]:
    """Spell a target shape out: 0 keeps an axis, -1 takes what there is."""
    stated, source = call.integers(1), call.shape()
    assert stated is not None
    keeps = not call.op.integer("allowzero", 0)
    target = [source[axis] if length == 0 and keeps else length for axis, length in enumerate(stated)]
    rest = prod(length for length in target if length != -1)
    return [prod(source) // rest if length == -1 and rest else length for length in target]


@lowers("Flatten")
def flatten(call: Call) -> Tensor:
    """Make a matrix: the axes before `axis`, and the others."""
    axis = call.axis(1)
    if axis == 1 and call.rank() > 1:
        return call[0].flatten(1)
    rows, columns = prod(call.shape()[:axis]), prod(call.shape()[axis:])
    return call[0].reshape(-1 if axis > 0 and columns and call.is_batch_first else rows, columns)


@lowers("Transpose")
def transpose(call: Call) -> Tensor:
    """Reorder the axes."""
    return call[0].permute(call.op.integers("perm", tuple(reversed(range(call.rank())))))


@lowers("Squeeze")
def squeeze(call: Call) -> Tensor:
    """Drop axes of length 1."""
    axes = call.integers(1)
    if axes is None:
        axes = tuple(axis for axis, length in enumerate(call.shape()) if length == 1)
    return call[0].squeeze(tuple(axis % call.rank() for axis in axes)) if axes else call[0]


@lowers("Unsqueeze")
def unsqueeze(call: Call) -> Tensor:
    """Add axes of length 1."""
    x, axes = call[0], call.integers(1) or ()
    rank = call.rank() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@lowers("Expand")
def expand(call: Call) -> Tensor:
    """Repeat by broadcasting; axes that keep their length keep it whatever it is."""
    stated, source = call.integers(1), call.shape()
    assert stated is not None
    target = list(np.broadcast_shapes(source, stated))
    for back in range(1, len(source) + 1):
        if source[-back] == target[-back]:
            target[-back] = -1
    return call[0].expand(target)


@lowers("Tile")
def tile(call: Call) -> Tensor:
    """Repeat along each axis."""
    repeats = call.integers(1)
    assert repeats is not None
    return call[0].repeat(repeats)


@lowers("Concat")
def concat(call: Call) -> Tensor:
    """Join along an axis."""
    return torch.cat(call.every, call.axis(0))


@lowers("Split")
def split(call: Call) -> Result:
    """Cut along an axis into stated, or nearly equal, pieces."""
    axis = call.axis(0)
    sizes = call.integers(1)
    if sizes is None:
        count = call.op.integer("num_outputs", len(call.op.outputs))
        piece = -(-call.shape()[axis] // count)
        sizes = (*[piece] * (count - 1), call.shape()[axis] - piece * (count - 1))
    pieces = torch.split(call[0], list(sizes), axis)
    return [pieces[index] for index in range(len(sizes))]


@lowers("Slice")
def slice_(call: Call) -> Tensor:
    """Cut a range, with steps of either sign, out of some axes."""
    starts, ends, axes, steps = (call.integers(slot) for slot in range(1, 5))
    assert starts is not None and ends is not None
    axes = axes or tuple(range(len(starts)))
    x = call[0]
    rows = zip(starts, ends, axes, steps or (1,) * len(starts), strict=True)
    for start, end, axis, step in rows:
        x = _cut(x, call.shape()[axis], axis % call.rank(), slice(*_bounds(start, end, step, call.shape()[axis])))
    return x


def _bounds(start: int, end: int, step: int, length: int) -> tuple[int, int | None, int]:
    """Write ONNX's bounds, which are clamped, as Python's."""
    low, high, step = slice(start, end, step).indices(length)
    return low, None if step < 0 and high < 0 else high, step


def _cut(x: Tensor, length: int, axis: int, part: slice) -> Tensor:
    """Cut one axis; torch knows no negative steps, so the axis is turned around first."""
    if part.step > 0:
        is_whole = part.start == 0 and part.stop is not None and part.stop >= length and part.step == 1
        return x if is_whole else x[(*[slice(None)] * axis, part)]
    places = range(length)[part]
    turned = x.flip(axis)
    if not places:
        return turned.narrow(axis, 0, 0)
    first, last = length - 1 - places[0], length - 1 - places[-1]
    return turned[(*[slice(None)] * axis, slice(first, last + 1, -part.step))]


@lowers("Pad")
def pad(call: Call) -> Tensor:
    """Add borders of a constant, mirrored, repeated or wrapped values; negative pads crop."""
    pads, axes, rank = call.integers(1), call.integers(3), call.rank()
    assert pads is not None
    before, after = [0] * rank, [0] * rank
    for place, axis in enumerate(axes if axes is not None else range(rank)):
        before[axis], after[axis] = pads[place], pads[place + len(pads) // 2]
    mode = call.op.text("mode", "constant")
    if mode == "constant":
        value = call.static(2)
        filler = 0.0 if value is None or not value.size else value.ravel()[0].item()
        return F.pad(call[0], pad_list(tuple(before), tuple(after)), value=filler)
    x = call[0]
    for axis in range(rank):
        if before[axis] or after[axis]:
            x = x.index_select(axis, call.constant(_bordered(mode, call.shape()[axis], before[axis], after[axis])))
    return x


def _bordered(mode: str, length: int, before: int, after: int) -> Array:
    """List the places that a bordered axis shows."""
    inner = np.arange(max(0, -before), length - max(0, -after))
    places = np.arange(-max(0, before), inner.size + max(0, after))
    if mode == "edge":
        places = np.clip(places, 0, inner.size - 1)
    elif mode == "wrap":
        places = places % inner.size
    else:
        period = max(1, 2 * (inner.size - 1))
        places = np.abs((places + inner.size - 1) % period - (inner.size - 1))
    return inner[places].astype(np.int64)


@lowers("CenterCropPad")
def center_crop_pad(call: Call) -> Tensor:
    """Crop or pad each axis around its centre."""
    target, axes = call.integers(1), call.op.integers("axes") or tuple(range(call.rank()))
    assert target is not None
    before, after = [0] * call.rank(), [0] * call.rank()
    for axis, wanted in zip((axis % call.rank() for axis in axes), target, strict=True):
        change = wanted - call.shape()[axis]
        before[axis] = change // 2 if change > 0 else -(-change // 2)
        after[axis] = change - before[axis]
    return F.pad(call[0], pad_list(tuple(before), tuple(after)))


@lowers("DepthToSpace")
def depth_to_space(call: Call) -> Tensor:
    """Move blocks of channels into space."""
    channels, height, width = call.shape()[1:]
    block = call.op.integer("blocksize", 1)
    if call.op.text("mode", "DCR") == "CRD":
        return F.pixel_shuffle(call[0], block)
    kept = channels // block**2
    parts = call[0].reshape(-1, block, block, kept, height, width).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(-1, kept, height * block, width * block)


@lowers("SpaceToDepth")
def space_to_depth(call: Call) -> Tensor:
    """Move blocks of space into channels."""
    channels, height, width = call.shape()[1:]
    block = call.op.integer("blocksize", 1)
    rows, columns = height // block, width // block
    parts = call[0].reshape(-1, channels, rows, block, columns, block)
    order = (0, 1, 3, 5, 2, 4) if call.op.text("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    return parts.permute(order).reshape(-1, channels * block**2, rows, columns)


@lowers("Trilu")
def triangle(call: Call) -> Tensor:
    """Keep the upper or lower triangle."""
    offset = call.integers(1)
    keep = torch.triu if call.op.integer("upper", 1) else torch.tril
    return keep(call[0], 0 if offset is None else offset[0])


@lowers("Col2Im")
def column_to_image(call: Call) -> Tensor:
    """Sum overlapping blocks into an image."""
    image, block = call.integers(1), call.integers(2)
    assert image is not None and block is not None
    if len(image) != 2:
        raise call.refuse(f"torch folds blocks over 2 axes, not {len(image)}")
    op = call.op
    pads = op.integers("pads") or (0, 0, 0, 0)
    padded = (image[0] + pads[0] + pads[2], image[1] + pads[1] + pads[3])
    dilation, stride = op.integers("dilations") or (1, 1), op.integers("strides") or (1, 1)
    whole = F.fold(call[0], padded, block, dilation, 0, stride)
    return F.pad(whole, [-pads[1], -pads[3], -pads[0], -pads[2]])
