"""What a network's layers compute on images: which tensor to look at, and statistics over regions of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.regions import Mask, Scene
from compiler.ir import Array, ProgramView, model_bytes
from compiler.reference import Session

_ACTIVATIONS = frozenset(
    {
        "Celu", "Clip", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Relu", "Selu", "Sigmoid",
        "Softplus", "Softsign", "Tanh", "ThresholdedRelu",
    }
)  # fmt: skip

Regions = Callable[[Scene, int, int], tuple[Mask, Mask]]


@dataclass
class RegionSums:
    """Running sums over the pixels of two regions, for each channel of a tensor; all in float64."""

    pixels: NDArray[np.float64]
    """Shape [2]: pixels seen in either region."""
    total: NDArray[np.float64]
    """Shape [2, channels]."""
    squares: NDArray[np.float64]
    """Shape [2, channels]."""

    @property
    def features(self) -> NDArray[np.float64]:
        """Mean and population variance in the first region, then in the second: shape [channels, 4].

        An empty region counts as zero for every channel.
        """
        pixels = np.maximum(self.pixels, 1)[:, None]
        mean = self.total / pixels
        variance = np.maximum(self.squares / pixels - mean**2, 0.0)
        return np.stack([mean[0], variance[0], mean[1], variance[1]], axis=1)


def block_output(program: ProgramView, layer: str) -> str:
    """Name the tensor that the layer's readers see: after its BatchNormalization and activation, if it has them."""
    tensor = program.op(layer).y
    while program.is_private(tensor) or _swish(program, tensor) is not None:
        if (product := _swish(program, tensor)) is not None:
            return product
        reader = program.readers(tensor)[0]
        is_part = reader.op_type in _ACTIVATIONS or reader.op_type == "BatchNormalization"
        if reader.domain or not is_part or reader.x != tensor:
            break
        tensor = reader.y
        if reader.op_type in _ACTIVATIONS:
            break
    return tensor


def _swish(program: ProgramView, tensor: str) -> str | None:
    """Name x sigmoid(x) when that, written as two nodes, is all that reads x."""
    readers = program.readers(tensor)
    gates = [op for op in readers if op.op_type in ("Sigmoid", "HardSigmoid")]
    products = [op for op in readers if op.op_type == "Mul"]
    if len(readers) != 2 or len(gates) != 1 or len(products) != 1 or program.is_output(tensor):
        return None
    return products[0].y if set(products[0].inputs) == {tensor, gates[0].y} else None


def region_sums(
    program: ProgramView, tensors: Sequence[str], scenes: Iterable[Scene], regions: Regions
) -> dict[str, RegionSums]:
    """Run a network over scenes and sum each tensor's channels over two regions.

    Pooled over pixels of all scenes, so that mean and variance are exact, not means of variances. Memory: the
    model and one image's activations. Raises RefusedError when ONNX Runtime cannot run the network.
    """
    session = Session(model_bytes(program, tensors))
    sums: dict[str, RegionSums] = {}
    for scene in scenes:
        values = session.run(scene.feeds)
        for tensor in tensors:
            _add(sums, tensor, values[tensor], scene, regions)
    return sums


def _add(sums: dict[str, RegionSums], tensor: str, value: Array, scene: Scene, regions: Regions) -> None:
    """Add one image's tensor of shape [1, channels, height, width] to its sums."""
    _, channels, height, width = value.shape
    masks = np.stack(regions(scene, height, width)).reshape(2, -1).astype(np.float64)
    flat = value.reshape(channels, -1).astype(np.float64)
    found = sums.setdefault(tensor, RegionSums(np.zeros(2), np.zeros((2, channels)), np.zeros((2, channels))))
    found.pixels += masks.sum(axis=1)
    found.total += masks @ flat.T
    found.squares += masks @ np.square(flat).T
