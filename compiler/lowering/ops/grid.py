"""Sampling at computed places: GridSample and AffineGrid."""

import torch.nn.functional as F
from torch import Tensor

from compiler.lowering.call import Call
from compiler.lowering.registry import lowers

_MODES = {"linear": "bilinear", "cubic": "bicubic"}


@lowers("GridSample")
def grid_sample(call: Call) -> Tensor:
    """Sample an image at places between -1 and 1."""
    mode, rank = call.op.text("mode", "linear"), call.rank()
    mode = _MODES.get(mode, mode)
    if rank not in (4, 5) or (mode == "bicubic" and rank != 4):
        raise call.refuse(f"torch has no {mode} sampling over {rank - 2} axes")
    padding = call.op.text("padding_mode", "zeros")
    return F.grid_sample(call[0], call[1], mode, padding, call.op.integer("align_corners", 0) != 0)


@lowers("AffineGrid")
def affine_grid(call: Call) -> Tensor:
    """Make the places that an affine map of the output's pixels gives."""
    size = call.integers(1)
    assert size is not None
    return F.affine_grid(call[0], list(size), call.op.integer("align_corners", 0) != 0)
