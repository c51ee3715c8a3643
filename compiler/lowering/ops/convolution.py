"""Conv and ConvTranspose."""

import torch.nn.functional as F
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import lowers
from compiler.lowering.windows import pad_list, window_of

_CONVS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@lowers("Conv")
def conv(call: Call) -> Tensor:
    """Convolve; pads that torch's argument cannot say are added before."""
    kernel = call.shape(1)[2:]
    if len(kernel) not in _CONVS:
        raise call.refuse(f"torch convolves over 1 to 3 axes, not {len(kernel)}")
    window, x = window_of(call, kernel), call[0]
    padding = window.before
    if not window.is_even:
        x, padding = F.pad(x, pad_list(window.before, window.after)), (0,) * len(kernel)
    return _CONVS[len(kernel)](
        x, call[1], call.maybe(2), window.stride, padding, window.dilation, call.op.integer("group", 1)
    )


@lowers("ConvTranspose")
def conv_transpose(call: Call) -> Tensor:
    """Convolve transposed; where torch's arguments do not reach, compute the whole map and cut it out."""
    kernel = call.shape(1)[2:]
    axes = len(kernel)
    if axes not in _TRANSPOSED:
        raise call.refuse(f"torch convolves over 1 to 3 axes, not {axes}")
    op, convolve = call.op, _TRANSPOSED[axes]
    stride, dilation = op.integers("strides") or (1,) * axes, op.integers("dilations") or (1,) * axes
    extra = op.integers("output_padding") or (0,) * axes
    group = op.integer("group", 1)
    before, after = _transposed_pads(call, kernel, stride, dilation, extra)
    fits = all(e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True))
    if before == after and min(before) >= 0 and fits:
        return convolve(call[0], call[1], call.maybe(2), stride, before, extra, group, dilation)
    whole = convolve(call[0], call[1], None, stride, 0, 0, group, dilation)
    ends = tuple(e - a for e, a in zip(extra, after, strict=True))
    cut = F.pad(whole, pad_list(tuple(-b for b in before), ends))
    bias = call.maybe(2)
    return cut if bias is None else cut + bias.reshape(-1, *[1] * axes)


def _transposed_pads(
    call: Call, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], extra: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tell how much is cut off at the beginning and at the end of each axis."""
    op, size, axes = call.op, call.shape()[2:], len(kernel)
    auto, wanted = op.text("auto_pad", "NOTSET"), op.integers("output_shape")[-axes:]
    if not wanted and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(n * s for n, s in zip(size, stride, strict=True))
    if not wanted:
        pads = (op.integers("pads") or (0,) * 2 * axes) if auto == "NOTSET" else (0,) * 2 * axes
        return pads[:axes], pads[axes:]
    rows = zip(size, stride, kernel, dilation, extra, wanted, strict=True)
    total = [(n - 1) * s + e + (k - 1) * d + 1 - w for n, s, k, d, e, w in rows]
    # A shape larger than the map asks for zeros at its end, hence a negative cut there.
    before = tuple(max(0, t) // 2 if auto == "SAME_UPPER" else max(0, t) - max(0, t) // 2 for t in total)
    return before, tuple(t - b for t, b in zip(total, before, strict=True))
