"""What a network's layers compute on images: which tensor to look at, and statistics over regions of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.regions import Regions, Scene, Weights
from compiler.ir import Array, Op, ProgramView, runnable_bytes
from compiler.reference import Session

_ACTIVATIONS = frozenset(
    {
        "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Relu", "Selu",
        "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
    }
)  # fmt: skip

Seen: TypeAlias = Literal["post-activation", "pre-activation", "post-batchnorm"]
"""Which of the tensors between a layer and its readers is its feature map."""

Floats = NDArray[np.float64]


@dataclass
class RegionSums:
    """Running sums over the pixels of two regions, for each channel of a tensor; all in float64.

    Values count from `shift`, a value of the channel itself: the variance of a large and nearly constant channel
    keeps its digits, and that of a constant one is exactly zero.
    """

    shift: Floats
    """Shape [channels]."""
    pixels: Floats
    """Shape [2]: pixels seen in either region, in parts where cells count in part."""
    total: Floats
    """Shape [2, channels]."""
    squares: Floats
    """Shape [2, channels]."""

    @property
    def features(self) -> Floats:
        """Mean and population variance in the first region, then in the second: shape [channels, 4].

        An empty region counts as zero for every channel.
        """
        is_seen = (self.pixels > 0)[:, None]
        pixels = np.where(is_seen, self.pixels[:, None], 1.0)
        mean = self.total / pixels
        variance = np.maximum(self.squares / pixels - mean**2, 0.0)
        mean = np.where(is_seen, mean + self.shift, 0.0)
        return np.stack([mean[0], variance[0], mean[1], variance[1]], axis=1)


def block_output(program: ProgramView, layer: str, seen: Seen = "post-activation") -> str:
    """Name a layer's feature map.

    post-activation: what the layer's readers see, after its BatchNormalization and activation, if it has them.
    pre-activation: the same before the activation. post-batchnorm: after its BatchNormalization, on whichever side of
    the activation that stands; without one, the layer's own output.
    """
    tensor = program.op(layer).y
    found = dict.fromkeys(get_args(Seen), tensor)
    is_activated = False
    while (reader := _next(program, tensor)) is not None:
        tensor, is_norm = reader.y, reader.op_type == "BatchNormalization"
        if is_activated:
            found |= {"post-batchnorm": tensor} if is_norm else {}
            break
        is_activated = not is_norm
        found |= {"post-activation": tensor}
        found |= {"post-batchnorm": tensor, "pre-activation": tensor} if is_norm else {}
    return found[seen]


def _next(program: ProgramView, tensor: str) -> Op | None:
    """Find the normalisation or activation that is all that reads a tensor; of x gate(x), the product."""
    if (product := _gated(program, tensor)) is not None:
        return product
    if not program.is_private(tensor):
        return None
    reader = program.readers(tensor)[0]
    is_part = reader.op_type in _ACTIVATIONS or reader.op_type == "BatchNormalization"
    return reader if is_part and not reader.domain and reader.x == tensor else None


def _gated(program: ProgramView, tensor: str) -> Op | None:
    """Find x sigmoid(x), or x tanh(softplus(x)), when that, written node by node, is all that reads x."""
    readers = program.readers(tensor)
    products = [op for op in readers if op.op_type == "Mul"]
    gates = [op for op in readers if op.op_type in ("Sigmoid", "HardSigmoid", "Softplus")]
    if len(readers) != 2 or len(gates) != 1 or len(products) != 1 or program.is_output(tensor):
        return None
    gate = gates[0].y
    if gates[0].op_type == "Softplus":
        tanh = program.readers(gate)[0] if program.is_private(gate) else None
        gate = tanh.y if tanh is not None and tanh.op_type == "Tanh" else ""
    return products[0] if set(products[0].inputs) == {tensor, gate} else None


def region_sums(
    program: ProgramView, tensors: Sequence[str], scenes: Iterable[Scene], regions: Regions
) -> dict[str, RegionSums]:
    """Run a network over scenes and sum each tensor's channels over two regions.

    Pooled over pixels of all scenes, so that mean and variance are exact, not means of variances. Memory: the
    model and one image's activations. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    session = Session(runnable_bytes(program, tensors))
    sums: dict[str, RegionSums] = {}
    for scene in scenes:
        values = session.run(scene.feeds)
        weights: dict[tuple[int, int], tuple[Weights, Weights]] = {}
        for tensor in tensors:
            height, width = values[tensor].shape[2:]
            if (height, width) not in weights:
                weights[height, width] = regions(scene, height, width)
            _add(sums, tensor, values.pop(tensor), weights[height, width])
    return sums


def _add(sums: dict[str, RegionSums], tensor: str, value: Array, weights: tuple[Weights, Weights]) -> None:
    """Add one image's tensor of shape [1, channels, height, width] to its sums.

    Each channel is summed in the same order as any other, so that equal maps give equal sums.
    """
    channels = value.shape[1]
    flat = value.reshape(channels, -1)
    if tensor not in sums:
        shift = flat[:, 0].astype(np.float64)
        sums[tensor] = RegionSums(shift, np.zeros(2), np.zeros((2, channels)), np.zeros((2, channels)))
    found = sums[tensor]
    for region, weight in enumerate(weights):
        share = weight.ravel()
        cells = np.flatnonzero(share)
        centred = flat[:, cells] - found.shift[:, None]
        weighted = centred * share[cells]
        found.pixels[region] += share.sum()
        found.total[region] += weighted.sum(axis=1)
        found.squares[region] += (weighted * centred).sum(axis=1)
