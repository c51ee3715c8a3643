"""QuantizeLinear and DequantizeLinear: for evaluation, as rounding to integers passes no gradient."""

import torch
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import lowers

_RANGES = {torch.uint8: (0, 255), torch.int8: (-128, 127), torch.uint16: (0, 65535), torch.int16: (-32768, 32767)}


def _along(call: Call, slot: int) -> Tensor:
    """Shape a per-axis parameter so that it broadcasts."""
    value = call[slot]
    if call.op.integer("block_size", 0):
        axis = call.axis(1)
        repeated = value.repeat_interleave(call.op.integer("block_size", 0), axis)
        return repeated.narrow(axis, 0, call.shape()[axis])
    if call.rank(slot) == 0 or call.shape(slot) == (1,):
        return value.reshape([1] * call.rank()) if call.rank(slot) == 1 and call.rank() else value
    return value.reshape(-1, *[1] * (call.rank() - call.axis(1) - 1))


@lowers("QuantizeLinear")
def quantize(call: Call) -> Tensor:
    """Divide by the scale, round to even, add the zero point, saturate."""
    dtype = call.out_dtype()
    if dtype not in _RANGES:
        raise call.refuse(f"torch does not compute with {dtype}")
    wide = torch.round(call[0].float() / _along(call, 1).float())
    if call.op.has(2):
        wide = wide + _along(call, 2).to(torch.int32)
    return torch.clamp(wide, *_RANGES[dtype]).to(torch.int32).to(dtype)


@lowers("DequantizeLinear")
def dequantize(call: Call) -> Tensor:
    """Subtract the zero point, multiply by the scale."""
    x, scale = call[0].to(torch.int32), _along(call, 1)
    if call.op.has(2):
        x = x - _along(call, 2).to(torch.int32)
    return (x.to(torch.float32) * scale.float()).to(call.out_dtype())
