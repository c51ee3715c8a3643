"""Pools: largest, mean and p-norm, over windows and over whole maps."""

from math import prod

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.ir import Array
from compiler.lowering.call import Call
from compiler.lowering.registry import Result, lowers
from compiler.lowering.windows import Window, pad_list, window_of

_MAX_POOLS = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN_POOLS = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_CONVS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@lowers("MaxPool")
def max_pool(call: Call) -> Result:
    """Take the largest value in each window, and where it lies if the node puts that out."""
    window = _window(call)
    x = call[0] if call.dtype().is_floating_point else call[0].to(torch.float32)  # small integers stay exact
    padding, before = window.before, (0,) * len(window.kernel)
    after = tuple(a + o for a, o in zip(window.after, window.overhang, strict=True))
    if window.before != after or any(not 0 <= 2 * b <= k for b, k in zip(after, window.kernel, strict=True)):
        x = F.pad(x, pad_list(window.before, after), value=-torch.inf)
        padding, before = before, window.before
    pool = _MAX_POOLS[len(window.kernel)]
    if not any(call.op.outputs[1:]):
        return call.settled(pool(x, window.kernel, window.stride, padding, window.dilation))
    pooled, places = pool(x, window.kernel, window.stride, padding, window.dilation, return_indices=True)
    around = (0,) * len(before) if padding == window.before else after
    return call.settled(pooled), _flat_places(call, places, before, around)


def _flat_places(call: Call, places: Tensor, before: tuple[int, ...], after: tuple[int, ...]) -> Tensor:
    """Turn places in the padded map into ONNX's: places in the whole tensor, row by row or column by column."""
    batch, channels, *size = call.shape()
    numbers = np.arange(prod(size), dtype=np.int64)
    is_by_column = call.op.integer("storage_order", 0) != 0
    order = numbers.reshape(size[::-1]).T if is_by_column else numbers.reshape(size)
    rows = zip(before, after, strict=True)
    grid = np.pad(order, [(b, a) for b, a in rows]).astype(np.int64)
    offsets = np.arange(batch * channels).reshape(batch, channels, *[1] * len(size)) * numbers.size
    return call.constant(grid.ravel())[places] + call.constant(offsets.astype(np.int64))


@lowers("AveragePool")
def average_pool(call: Call) -> Tensor:
    """Take each window's mean; pads count or not, what hangs over in ceil mode never does."""
    window = _window(call)
    counts_pads = call.op.integer("count_include_pad", 0) != 0
    is_plain = window.is_even and not any(window.overhang) and max(window.dilation) == 1
    fits = all(2 * b <= k for b, k in zip(window.before, window.kernel, strict=True))
    if is_plain and fits:
        pool = _MEAN_POOLS[len(window.kernel)]
        return pool(call[0], window.kernel, window.stride, window.before, False, counts_pads)
    counts = _counts(window, is_padding_counted=counts_pads)
    return _window_sums(call, call[0], window) / call.floats(counts)


@lowers("LpPool")
def lp_pool(call: Call) -> Tensor:
    """Take each window's p-norm."""
    power = call.op.integer("p", 2)
    return _window_sums(call, call[0].abs() ** power, _window(call)) ** (1.0 / power)


@lowers("GlobalAveragePool")
def global_average_pool(call: Call) -> Tensor:
    """Average over all spatial axes."""
    return call[0].mean(tuple(range(2, call.rank())), keepdim=True)


@lowers("GlobalMaxPool")
def global_max_pool(call: Call) -> Tensor:
    """Take the largest value over all spatial axes."""
    return call[0].amax(tuple(range(2, call.rank())), keepdim=True)


@lowers("GlobalLpPool")
def global_lp_pool(call: Call) -> Tensor:
    """Take the p-norm over all spatial axes."""
    power = call.op.integer("p", 2)
    return (call[0].abs() ** power).sum(tuple(range(2, call.rank())), keepdim=True) ** (1.0 / power)


@lowers("MaxUnpool")
def max_unpool(call: Call) -> Tensor:
    """Put each value where a MaxPool found it, and zeros elsewhere."""
    kernel = call.op.integers("kernel_shape")
    stride = call.op.integers("strides") or (1,) * len(kernel)
    pads = call.op.integers("pads") or (0,) * 2 * len(kernel)
    sizes = zip(call.shape()[2:], stride, kernel, pads[: len(kernel)], pads[len(kernel) :], strict=True)
    pooled = (*call.shape()[:2], *((n - 1) * s + k - b - a for n, s, k, b, a in sizes))
    shape = call.integers(2) or pooled
    empty = call.floats(np.zeros(prod(pooled)))
    filled = empty.scatter(0, call[1].reshape(-1), call[0].reshape(-1)).reshape(pooled)
    return F.pad(filled, pad_list((0,) * len(shape), tuple(w - n for w, n in zip(shape, pooled, strict=True))))


def _window(call: Call) -> Window:
    """Read the window; torch pools over 1 to 3 axes."""
    kernel = call.op.integers("kernel_shape")
    if len(kernel) not in _MAX_POOLS:
        raise call.refuse(f"torch pools over 1 to 3 axes, not {len(kernel)}")
    return window_of(call, kernel)


def _window_sums(call: Call, x: Tensor, window: Window) -> Tensor:
    """Sum each window, channel by channel, as a convolution with ones."""
    after = tuple(a + o for a, o in zip(window.after, window.overhang, strict=True))
    channels = call.shape()[1]
    ones = call.floats(np.ones((1, 1, *window.kernel)))
    padded = F.pad(x, pad_list(window.before, after))
    return _CONVS[len(window.kernel)](
        padded, ones.expand(channels, 1, *window.kernel), None, window.stride, 0, window.dilation, channels
    )


def _counts(window: Window, *, is_padding_counted: bool) -> Array:
    """Count the positions of each window that take part in the mean."""
    total = np.ones((1,) * len(window.kernel))
    for axis, size in enumerate(window.size):
        before, after = window.before[axis], window.after[axis]
        places = np.arange(window.out[axis])[:, None] * window.stride[axis]
        taps = places + np.arange(window.kernel[axis])[None, :] * window.dilation[axis]
        low, high = (0, before + size + after) if is_padding_counted else (before, before + size)
        count = ((taps >= low) & (taps < high)).sum(axis=1)
        shape = [1] * len(window.kernel)
        shape[axis] = -1
        total = total * count.reshape(shape)
    return np.maximum(total, 1)
