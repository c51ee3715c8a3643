"""Activations: one number in, one number out."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import lowers

_PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Det": torch.det,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "HardSwish": F.hardswish,
    "IsNaN": torch.isnan,
    "Log": torch.log,
    "Mish": F.mish,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Relu": F.relu,
    "Round": torch.round,
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Softsign": F.softsign,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
    "Tanh": torch.tanh,
}


@lowers(*_PLAIN)
def plain(call: Call) -> Tensor:
    """Apply torch's function of the same meaning."""
    return _PLAIN[call.op.op_type](call[0])


@lowers("Identity")
def identity(call: Call) -> Tensor:
    """Pass on unchanged."""
    return call[0]


@lowers("Softplus")
def softplus(call: Call) -> Tensor:
    """Compute log(1 + exp(x)); torch's own switches to x above a threshold."""
    return torch.logaddexp(call[0], torch.zeros_like(call[0]))


@lowers("LeakyRelu")
def leaky_relu(call: Call) -> Tensor:
    """Scale what is negative."""
    return F.leaky_relu(call[0], call.op.number("alpha", 0.01))


@lowers("PRelu")
def prelu(call: Call) -> Tensor:
    """Scale what is negative by a slope that broadcasts."""
    return torch.where(call[0] < 0, call[0] * call[1], call[0])


@lowers("Elu")
def elu(call: Call) -> Tensor:
    """Compute alpha (exp(x) - 1) where x is negative."""
    return F.elu(call[0], call.op.number("alpha", 1.0))


@lowers("Celu")
def celu(call: Call) -> Tensor:
    """Compute alpha (exp(x / alpha) - 1) where x is negative."""
    return F.celu(call[0], call.op.number("alpha", 1.0))


@lowers("Selu")
def selu(call: Call) -> Tensor:
    """Compute gamma x, or gamma alpha (exp(x) - 1) where x is negative."""
    alpha, gamma = (
        call.op.number("alpha", 1.67326319217681884765625),
        call.op.number("gamma", 1.05070102214813232421875),
    )
    return gamma * F.elu(call[0], alpha)


@lowers("HardSigmoid")
def hard_sigmoid(call: Call) -> Tensor:
    """Compute alpha x + beta between 0 and 1."""
    alpha, beta = call.op.number("alpha", 0.2), call.op.number("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-7 and beta == 0.5:
        return F.hardsigmoid(call[0])
    return torch.clamp(call[0] * alpha + beta, 0.0, 1.0)


@lowers("ThresholdedRelu")
def thresholded_relu(call: Call) -> Tensor:
    """Pass what is above a threshold."""
    return torch.where(call[0] > call.op.number("alpha", 1.0), call[0], torch.zeros_like(call[0]))


@lowers("Shrink")
def shrink(call: Call) -> Tensor:
    """Move values towards zero, and those near it to zero."""
    bias, limit, x = call.op.number("bias", 0.0), call.op.number("lambd", 0.5), call[0]
    zero = torch.zeros_like(x)
    return call.settled(torch.where(x < -limit, x + bias, torch.where(x > limit, x - bias, zero)))


@lowers("Gelu")
def gelu(call: Call) -> Tensor:
    """Weigh by the normal distribution, exactly or by tanh."""
    return F.gelu(call[0], approximate=call.op.text("approximate", "none"))


@lowers("Swish")
def swish(call: Call) -> Tensor:
    """Compute x sigmoid(alpha x)."""
    alpha = call.op.number("alpha", 1.0)
    return F.silu(call[0]) if alpha == 1.0 else call[0] * torch.sigmoid(alpha * call[0])


@lowers("Clip")
def clip(call: Call) -> Tensor:
    """Keep values between two bounds; either may be absent. The lower one counts first, as in ONNX."""
    low, high = call.number(1), call.number(2)
    if call.dtype().is_floating_point and low is not None and high is not None and low < high:
        return F.hardtanh(call[0], low, high)  # as ReLU6 does: no gradient at the bounds
    x = call[0]
    if call.op.has(1):
        x = torch.maximum(x, call[1])
    return torch.minimum(x, call[2]) if call.op.has(2) else x
