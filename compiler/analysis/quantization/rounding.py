"""Learned rounding: each weight is rounded so that its layer's outputs, not the weights, change least on images.

Weights are rounded one input after the other; what one loses is made up for by those that are still to be rounded, by
least squares over what the layer sees (Frantar et al., GPTQ, ICLR 2023, after optimal brain surgery). Layer by layer,
on unlabelled images, without gradients.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.quantization.parameters import quantized
from compiler.analysis.quantization.weights import WeightGrid, weight_grid_of
from compiler.ir import Array, Op, ProgramView, runnable_bytes
from compiler.reference import Session
from compiler.target import QuantScheme

Moments = NDArray[np.float64]
"""The mean of x x' of what a group of filters reads at one place: [groups, inputs, inputs]. A first input that is
always 1 goes before the others, so that the means of x are in it too."""

_Feeds: TypeAlias = Mapping[str, Array]

_MOST = 2**25
"""Numbers in the moments of the layers that are looked at together, 256 MB; a layer with more is left alone."""
_PLACES = 128
"""Places of a layer that are looked at in each image."""
_DAMPING = 0.01
_LIMITS = {"int8": (-127, 127), "uint8": (0, 255)}


@dataclass(frozen=True, eq=False)
class Learned:
    """A layer's weight, every value one that an integer stands for."""

    weight: Array
    nearest_error: float
    """What rounding to the nearest takes from the layer's output, as a share of its squares."""
    learned_error: float
    shift: Array | None
    """What the weight's rounding takes from each filter's output on average, for a bias to make up for."""


def learn_rounding(
    program: ProgramView,
    layers: Sequence[str],
    scheme: QuantScheme,
    stream: Callable[[], Iterable[_Feeds]],
    *,
    can_shift: bool,
) -> dict[str, Learned]:
    """Round the weights of convolutions, Gemm and MatMul layers; those that cannot be looked at so are not named.

    With `can_shift` convolutions leave what they lose on average to their biases, and mind the rest only.
    Memory: the moments of some layers, 256 MB at most, and one image's activations. Raises RefusedError.
    """
    found: dict[str, Learned] = {}
    sizes = {name: size for name in layers if 0 < (size := _size(program, program.op(name))) <= _MOST}
    for some in _chunks(sizes):
        for name, moments in _moments(program, some, stream()).items():
            op = program.op(name)
            weight = program.const(op.input(1))
            assert weight is not None
            if not np.isfinite(moments).all():
                continue
            means = moments[:, :1, 1:] if can_shift and op.op_type == "Conv" else None
            found[name] = _learn(op, weight, scheme, moments[:, 1:, 1:], means)
    return found


def _size(program: ProgramView, op: Op) -> int:
    """Count the numbers in a layer's moments; 0 for one whose inputs cannot be laid out in rows."""
    weight, rank = program.const(op.input(1)), len(program.shape(op.x) or ())
    if weight is None or op.domain or op.x == op.input(1):
        return 0
    if op.op_type == "Conv":
        is_plain = rank == 4 and op.text("auto_pad", "NOTSET") == "NOTSET"
        return op.integer("group", 1) * int(np.prod(weight.shape[1:])) ** 2 if is_plain else 0
    is_plain = weight.ndim == 2 and (op.op_type == "MatMul" or (op.op_type == "Gemm" and not op.integer("transA", 0)))
    return (weight.size // _rows(op, weight).shape[1]) ** 2 if is_plain else 0


def _chunks(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Take as many layers together as their moments allow."""
    some: list[str] = []
    for name, size in sizes.items():
        if some and sum(sizes[other] for other in some) + size > _MOST:
            yield some
            some = []
        some.append(name)
    if some:
        yield some


def _moments(program: ProgramView, layers: Sequence[str], samples: Iterable[Mapping[str, Array]]) -> dict[str, Moments]:
    """Run the network over images and average what the layers read."""
    tensors = dict.fromkeys(program.op(name).x for name in layers)
    session = Session(runnable_bytes(program, [name for name in tensors if name not in program.inputs]))
    sums: dict[str, Moments] = {}
    counts = dict.fromkeys(layers, 0)
    for number, sample in enumerate(samples):
        values = {**sample, **session.run(sample)}
        for name in layers:
            seen = _reads(program, program.op(name), values[program.op(name).x], number)
            seen = np.concatenate([np.ones_like(seen[..., :1]), seen], axis=2)
            products = np.matmul(seen.transpose(0, 2, 1), seen).astype(np.float64)
            sums[name] = sums[name] + products if name in sums else products
            counts[name] += seen.shape[1]
    return {name: total / counts[name] for name, total in sums.items()}


def _reads(program: ProgramView, op: Op, x: Array, number: int) -> Array:
    """Lay out what a layer reads, [groups, places, inputs]; of many places some, drawn anew in each image."""
    if op.op_type != "Conv":
        return x.reshape(1, -1, x.shape[-1])
    weight = program.const(op.input(1))
    assert weight is not None
    kernel = weight.shape[2:]
    pads, strides = op.integers("pads", (0, 0, 0, 0)), op.integers("strides", (1, 1))
    spread = op.integers("dilations", (1, 1))
    padded = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    window = tuple((size - 1) * step + 1 for size, step in zip(kernel, spread, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(2, 3))
    seen = seen[:, :, :: strides[0], :: strides[1], :: spread[0], :: spread[1]]
    batch, _, rows, columns = seen.shape[:4]
    total = batch * rows * columns
    places = _some(total, number)
    image, place = np.divmod(places, rows * columns)
    taken = seen[image, :, place // columns, place % columns]  # [places, channels, *kernel]
    group = op.integer("group", 1)
    return taken.reshape(len(places), group, -1).transpose(1, 0, 2)


def _some(total: int, number: int) -> NDArray[np.int64]:
    """Choose places; the same ones for the same image."""
    if total <= _PLACES:
        return np.arange(total, dtype=np.int64)
    return np.sort(np.random.default_rng(number).choice(total, _PLACES, replace=False)).astype(np.int64)


def _rows(op: Op, weight: Array) -> Array:
    """Lay out a weight as [groups, filters, inputs]."""
    if op.op_type == "Conv":
        group = op.integer("group", 1)
        return weight.reshape(group, weight.shape[0] // group, -1)
    is_transposed = op.op_type == "Gemm" and op.integer("transB", 0)
    return (weight if is_transposed else weight.T)[np.newaxis]


def _learn(op: Op, weight: Array, scheme: QuantScheme, moments: Moments, means: Array | None) -> Learned:
    """Round one layer's weight; the extremes keep their integers, so that the scales stay, and zeros stay zeros."""
    grid = weight_grid_of(op, weight, scheme)
    row = np.broadcast_to(grid.row(weight.ndim), weight.shape)
    steps = quantized(weight, row, grid.zero, scheme.weights).astype(np.float64)
    held = _extremes(weight, grid) | (weight == 0)
    exact, scale, nearest, fixed = (_rows(op, np.asarray(item, np.float64)) for item in (weight, row, steps, held))
    minded = moments if means is None else moments - means.transpose(0, 2, 1) * means
    wanted, limits = np.where(fixed > 0, nearest, np.nan), _LIMITS[scheme.weights]
    learned = _compensated(exact, scale, grid.zero, wanted, minded, limits)
    plain = (nearest - grid.zero) * scale
    whole = max(_energy(exact, moments), 1e-300)
    errors = tuple(_energy(exact - item, minded) / whole for item in (plain, learned))
    best = learned if errors[1] < errors[0] else plain
    shift = None if means is None else ((exact - best) * means).sum(axis=2).reshape(-1)
    return Learned(_unrowed(op, best, weight.shape).astype(np.float32), errors[0], min(errors), shift)


def _extremes(weight: Array, grid: WeightGrid) -> Array:
    """Mark the weights by which the scales were chosen."""
    if not grid.scales.ndim:
        return (weight == weight.min()) | (weight == weight.max())
    others = tuple(axis for axis in range(weight.ndim) if axis != grid.axis)
    return np.abs(weight) == np.abs(weight).max(axis=others, keepdims=True)


def _compensated(  # noqa: PLR0913, PLR0917 - a problem of least squares over a grid
    exact: Array, scale: Array, zero: int, fixed: Array, moments: Moments, limits: tuple[int, int]
) -> Array:
    """Round input by input, and let the inputs to come make up for what is lost; `fixed` is NaN where it is free."""
    count = moments.shape[1]
    mean = np.trace(moments, axis1=1, axis2=2)[:, None, None] / count
    damped: Array = moments + np.eye(count) * np.maximum(_DAMPING * mean, 1e-12)
    # Rows of the upper factor of the inverse say how an error is best spread over the inputs to come.
    spread: Array = np.linalg.cholesky(_inverse(damped)).transpose(0, 2, 1)
    left, found = exact.copy(), np.empty_like(exact)
    for place in range(count):
        steps = np.clip(np.rint(left[..., place] / scale[..., place] + zero), *limits)
        steps = np.where(np.isnan(fixed[..., place]), steps, fixed[..., place])
        found[..., place] = (steps - zero) * scale[..., place]
        lost: Array = (left[..., place] - found[..., place]) / spread[:, place, place, None]
        left[..., place + 1 :] -= lost[..., None] * spread[:, None, place, place + 1 :]
    return found


def _inverse(matrices: Array) -> Array:
    """Invert each of some symmetric matrices."""
    return np.linalg.inv(matrices)


def _energy(rows: Array, moments: Moments) -> float:
    """Sum up the squares of what rows put out on average."""
    return float(np.einsum("gfi,gij,gfj->", rows, moments, rows, optimize=True))


def _unrowed(op: Op, rows: Array, shape: tuple[int, ...]) -> Array:
    """Bring rows back into a weight's own layout."""
    if op.op_type == "Conv" or (op.op_type == "Gemm" and op.integer("transB", 0)):
        return rows.reshape(shape)
    return rows[0].T.reshape(shape)
