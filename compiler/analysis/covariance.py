"""What layers see on images: the covariances of their inputs' channels."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from compiler.ir import Array, ProgramView, runnable_bytes
from compiler.reference import Session

Covariance = NDArray[np.float64]
"""The mean of x x' over all pixels of all images, shape [channels, channels]; not centred."""


def input_covariances(
    program: ProgramView, tensors: Sequence[str], samples: Iterable[Mapping[str, Array]]
) -> dict[str, Covariance]:
    """Sum up x x' for each tensor, image by image. Memory: the sums and one image's activations."""
    wanted = tuple(dict.fromkeys(tensors))
    session = Session(runnable_bytes(program, [name for name in wanted if name not in program.inputs]))
    sums: dict[str, Covariance] = {}
    pixels: dict[str, int] = {}
    for sample in samples:
        values = {**sample, **session.run(sample)}
        for tensor in wanted:
            # In single precision the products are exact enough, and twice as fast; the sums are in double.
            flat = np.moveaxis(values[tensor], 1, 0).reshape(values[tensor].shape[1], -1)
            sums[tensor] = sums.get(tensor, np.zeros((len(flat), len(flat)))) + flat @ flat.T
            pixels[tensor] = pixels.get(tensor, 0) + flat.shape[1]
    return {tensor: total / pixels[tensor] for tensor, total in sums.items()}


def diagonal_blocks(covariance: Covariance, blocks: int) -> NDArray[np.float64]:
    """Cut the blocks of neighbouring channels out of a covariance, [blocks, size, size]."""
    size = len(covariance) // blocks
    inside = np.arange(blocks * size).reshape(blocks, size)
    return covariance[inside[:, :, None], inside[:, None, :]]
