"""BatchNormalization for the time of a training: put in after convolutions, multiplied into them at the end."""

from collections.abc import Iterator, Mapping

import numpy as np

from compiler.analysis.moments import channel_moments
from compiler.ir import Array, BatchNorm, Op, Program, ProgramView, refresh_types
from compiler.rewrites.insert_batchnorm import insert_batchnorm, norm_sites
from compiler.rewrites.write_values import Value
from compiler.training.setup import Examples

_MOST_IMAGES = 64


def with_norms(program: Program, examples: Examples, seed: int) -> Program:
    """Copy a network with BatchNormalization where it can stand; outputs stay the same to rounding.

    Its statistics are those of the first images.
    """
    twin, sites = program.clone(), norm_sites(program)
    count = min(len(examples), _MOST_IMAGES)
    feeds = (examples.example(index, np.random.default_rng((seed, 2, index))).feeds for index in range(count))
    insert_batchnorm(twin, channel_moments(program, sites.tensors, feeds) if sites.tensors else {})
    refresh_types(twin)
    return twin


def folded(trained: Program, values: tuple[Value, ...], program: ProgramView) -> tuple[Value, ...]:
    """Bring the values of a network with inserted normalisations to the one without them.

    With k = scale / sqrt(var + epsilon) the convolution's weight becomes w k, its bias (b - mean) k + shift.
    `trained` is the copy with the normalisations, holding `values`.
    """
    norms = dict(_inserted(trained, program))
    found = [value for value in values if _stays(value, norms, program)]
    for name, norm in norms.items():
        found += _folded(trained, trained.op(name), norm)
    return tuple(found)


def _inserted(trained: Program, program: ProgramView) -> Iterator[tuple[str, BatchNorm]]:
    """Yield each convolution with the normalisation that was put after it."""
    for norm in trained.each(BatchNorm):
        conv = trained.producer(norm.x)
        if conv is not None and not program.has_op(norm.name):
            yield conv.name, norm


def _stays(value: Value, norms: Mapping[str, BatchNorm], program: ProgramView) -> bool:
    """Tell whether a value is neither a normalisation's nor its convolution's."""
    layer = value.readers[0][0]
    return program.has_op(layer) and layer not in norms


def _folded(trained: Program, conv: Op, norm: BatchNorm) -> Iterator[Value]:
    weight, bias = trained.const(conv.input(1)), trained.const(conv.input(2))
    params = trained.consts(*norm.params)
    assert weight is not None and params is not None
    scale, shift, mean, var = (value.astype(np.float64) for value in params)
    k = scale / np.sqrt(var + norm.epsilon)
    start = np.zeros_like(mean) if bias is None else bias.astype(np.float64)
    yield Value(((conv.name, 1),), (weight * _along(k, conv, weight)).astype(weight.dtype))
    yield Value(((conv.name, 2),), ((start - mean) * k + shift).astype(weight.dtype))


def _along(k: Array, conv: Op, weight: Array) -> Array:
    """Shape one factor for each filter so that it multiplies a weight; transposed convolutions keep filters second."""
    if conv.op_type == "Conv":
        return k.reshape(-1, *(1,) * (weight.ndim - 1))
    groups = conv.integer("group", 1)
    rows = np.repeat(k.reshape(groups, -1), weight.shape[0] // groups, axis=0)
    return rows.reshape(*rows.shape, *(1,) * (weight.ndim - 2))
