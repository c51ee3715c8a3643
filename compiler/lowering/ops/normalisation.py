"""Normalisations: by batch, instance, group, layer, neighbours and norms."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.layers import BatchNorm, Dropout
from compiler.lowering.registry import Result, lowers


@lowers("BatchNormalization")
def batch_norm(call: Call) -> Result:
    """Normalise by running statistics, or by the batch's own while training."""
    epsilon, momentum = call.op.number("epsilon", 1e-5), call.op.number("momentum", 0.9)
    if not call.is_training_norm:
        return call.layer(BatchNorm(epsilon, 1.0 - momentum, call.scope.norms), *(call[slot] for slot in range(5)))
    x, axes = call[0], (0, *range(2, call.rank()))
    mean, var = x.mean(axes), x.var(axes, correction=0)
    y = F.batch_norm(x, None, None, call[1], call[2], True, 0.0, epsilon)
    return y, call[3] * momentum + mean * (1 - momentum), call[4] * momentum + var * (1 - momentum)


@lowers("InstanceNormalization")
def instance_norm(call: Call) -> Tensor:
    """Normalise each channel of each image."""
    return F.instance_norm(call[0], None, None, call[1], call[2], True, 0.0, call.op.number("epsilon", 1e-5))


@lowers("GroupNormalization")
def group_norm(call: Call) -> Tensor:
    """Normalise groups of channels; scale and shift are per group until opset 20, per channel since."""
    groups, scale, shift = call.op.integer("num_groups", 1), call[1], call[2]
    channels = call.shape()[1]
    if call.shape(1)[0] != channels:
        scale, shift = (value.repeat_interleave(channels // groups) for value in (scale, shift))
    return F.group_norm(call[0], groups, scale, shift, call.op.number("epsilon", 1e-5))


@lowers("LayerNormalization")
def layer_norm(call: Call) -> Result:
    """Normalise over the axes from `axis` on; the mean and inverse deviation may be put out too."""
    axes = tuple(range(call.axis(-1), call.rank()))
    x, epsilon = call[0], call.op.number("epsilon", 1e-5)
    mean = x.mean(axes, keepdim=True)
    inverse = torch.rsqrt((x - mean).square().mean(axes, keepdim=True) + epsilon)
    if len([name for name in call.op.outputs if name]) == 1 and call.shape(1) == call.shape()[axes[0] :]:
        bias = call.maybe(2)
        return F.layer_norm(x, call.shape()[axes[0] :], call[1], bias, epsilon)
    y, bias = (x - mean) * inverse * call[1], call.maybe(2)
    return (y if bias is None else y + bias), mean, inverse


@lowers("RMSNormalization")
def rms_norm(call: Call) -> Tensor:
    """Divide by the root of the mean square over the axes from `axis` on."""
    axes = tuple(range(call.axis(-1), call.rank()))
    x = call[0]
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + call.op.number("epsilon", 1e-5)) * call[1]


@lowers("LpNormalization")
def lp_norm(call: Call) -> Tensor:
    """Divide by the norm along an axis; zeros stay zeros."""
    axis, power = call.axis(-1), call.op.integer("p", 2)
    size = call[0].abs()
    norm = size.sum(axis, keepdim=True) if power == 1 else size.square().sum(axis, keepdim=True).sqrt()
    return call[0] / torch.where(norm == 0, torch.ones_like(norm), norm)


@lowers("MeanVarianceNormalization")
def mean_variance_norm(call: Call) -> Tensor:
    """Bring the mean over some axes to 0 and the deviation to 1."""
    axes = call.op.integers("axes", (0, 2, 3))
    x = call[0]
    centred = x - x.mean(axes, keepdim=True)
    return centred / ((x.square().mean(axes, keepdim=True) - x.mean(axes, keepdim=True).square()).sqrt() + 1e-9)


@lowers("LRN")
def local_response_norm(call: Call) -> Tensor:
    """Divide by a power of the mean square over neighbouring channels."""
    op, x = call.op, call[0]
    size = op.integer("size", 1)
    alpha, beta, bias = op.number("alpha", 1e-4), op.number("beta", 0.75), op.number("bias", 1.0)
    before = (size - 1) // 2
    flat = x.square().flatten(2).unsqueeze(1)
    sums = F.avg_pool2d(F.pad(flat, [0, 0, before, size - 1 - before]), (size, 1), 1, divisor_override=1)
    return x / (bias + alpha / size * sums.squeeze(1).reshape(x.shape)) ** beta


@lowers("Dropout")
def dropout(call: Call) -> Result:
    """Pass on unchanged, unless dropout was asked for; the mask says that everything stays."""
    flag = call.static(2)
    ratio = call.static(1)
    share = 0.5 if ratio is None else float(ratio)
    if flag is not None and bool(flag) and share > 0:
        raise call.refuse("it draws random numbers outside of training")
    has_mask = len(call.op.outputs) > 1 and bool(call.op.outputs[1])
    y = call.layer(Dropout(share), call[0]) if call.scope.dropout == "active" and share > 0 else call[0]
    if not has_mask:
        return y
    return y, torch.ones_like(call[0], dtype=torch.bool)


@lowers("Softmax")
def softmax(call: Call) -> Tensor:
    """Exponentiate and divide by the sum along one axis."""
    return F.softmax(call[0], call.axis(-1))


@lowers("LogSoftmax")
def log_softmax(call: Call) -> Tensor:
    """Take softmax's logarithm."""
    return F.log_softmax(call[0], call.axis(-1))


@lowers("Hardmax")
def hardmax(call: Call) -> Tensor:
    """Put 1 at the first largest value along an axis, 0 elsewhere."""
    axis = call.axis(-1)
    numbers = call.constant(np.arange(call.shape()[axis]).reshape(-1, *[1] * (call.rank() - axis - 1)))
    return (call[0].argmax(axis, keepdim=True) == numbers).to(call.dtype())
