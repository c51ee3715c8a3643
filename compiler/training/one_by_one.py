"""Networks whose export fixed the batch at one image: their images go through one at a time, and still train."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_SAME = 1e-3
"""How far outputs may be apart, relative to the largest: rounding, and no image's share in another's result."""


class OneByOne(nn.Module):
    """Runs a module image by image and joins the outputs along the batch."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name."""
        parts = [self.module(*(value[index : index + 1] for value in inputs)) for index in range(len(inputs[0]))]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@torch.no_grad()
def takes_batches(module: nn.Module, inputs: Sequence[Tensor]) -> bool:
    """Try whether two images at once give what each gives alone.

    An export writes down the shapes of the one image that it saw. Most networks do not mind; where images were folded
    into another axis, as attention does, a second one does not fit, or is mixed with the first.
    """
    if len(inputs[0]) < 2:
        return True
    was_training = module.training
    module.eval()
    pair = tuple(value[:2] for value in inputs)
    try:
        together = module.forward(*pair)  # not module(): a traced module would print its own account of a failure
    except RuntimeError:
        return False
    else:
        return _are_equal(together, OneByOne(module)(*pair))
    finally:
        module.train(was_training)


def _are_equal(together: dict[str, Tensor], apart: dict[str, Tensor]) -> bool:
    """Compare by each output's largest value."""
    for name, value in together.items():
        other = apart[name]
        if value.shape != other.shape:
            return False
        gap = (value - other).abs().max() if value.numel() else torch.zeros(())
        if bool(gap > _SAME * other.abs().max().clamp_min(1e-12)):
            return False
    return True
