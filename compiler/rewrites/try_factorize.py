"""Whether a convolution can be factorised, what the target would gain, and how far its outputs would be off."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from compiler.analysis.what_if import alone, lifted, obstacle, predicted_ms
from compiler.ir import Array, Conv, ConvTranspose, Op, ProgramView, refresh_types, runnable_bytes
from compiler.reference import Session
from compiler.rewrites.factorize_conv import Convolution, Part, Scheme, factorize, parts, unfolded_shape
from compiler.target import Target

_KINDS = (*Conv.op_types, *ConvTranspose.op_types)


def convolution(program: ProgramView, op: Op) -> Convolution:
    """Open the right window on a convolution of either kind."""
    return (Conv if op.op_type == "Conv" else ConvTranspose)(program.node(op.name))


def convolutions(program: ProgramView) -> list[Convolution]:
    """List the convolutions of both kinds, in topological order."""
    return [convolution(program, op) for op in program.each() if op.op_type in _KINDS and not op.domain]


def unfit(program: ProgramView, op: Convolution, scheme: Scheme, groups: int) -> str | None:
    """Say why a scheme cannot be applied to a layer, or None."""
    weight = program.const(op.w)
    if weight is None or weight.dtype.kind != "f":
        return "its weight is computed at run time, or holds no floating-point numbers"
    if program.shape(op.x) is None or program.shape(op.y) is None:
        return "its shape is not fixed"
    ins, window = weight.shape[1] if op.op_type == "Conv" else weight.shape[0] // op.group, weight.shape[2:]
    if ins == 1:
        return "each of its groups has one input channel only"
    if scheme == "channel":
        if groups > 1 and op.group > 1:
            return f"it has {op.group} groups of its own"
        return f"its {ins} input channels do not divide into {groups} groups" if ins % groups else None
    if scheme == "kernel-3x3":
        return _no_pair(op, window)
    if max(window) == 1:
        return "its kernel is 1x1"
    if scheme == "kernel" and (len(window) != 2 or min(window) == 1):
        return "its kernel is not a rectangle"
    return "it states its output's size" if scheme == "kernel" and op.integers("output_shape") else None


def _no_pair(op: Convolution, window: tuple[int, ...]) -> str | None:
    """Say why a layer cannot become two 3x3 convolutions, or None."""
    if window != (5, 5):
        return "its kernel is not 5x5"
    if op.op_type != "Conv" and op.integers("output_shape"):
        return "it states its output's size"
    return "its padding is left to the runtime" if op.auto_pad != "NOTSET" else None


def trial_ms(
    program: ProgramView, op: Convolution, scheme: Scheme, size: tuple[int, int], target: Target
) -> float | str:
    """Predict the time of a layer's two factors, given groups and rank, or say what the target lacks for them."""
    groups, rank = size
    trial = alone(program, op)
    twin = convolution(trial, op)
    factorize(trial, twin, *blank_parts(trial, twin, scheme, groups, rank))
    refresh_types(trial)
    return obstacle(trial, target) or predicted_ms(trial, target)


def blank_parts(program: ProgramView, op: Convolution, scheme: Scheme, groups: int, rank: int) -> tuple[Part, Part]:
    """Make the two convolutions with weights of 0, for lint and for trials."""
    weight = program.const(op.w)
    assert weight is not None
    blocks, rows, columns = unfolded_shape(op, weight.shape, scheme, groups)
    factors = np.zeros((blocks, rows, rank), weight.dtype), np.zeros((blocks, rank, columns), weight.dtype)
    return parts(op, weight, scheme, factors)


def layer_ms(program: ProgramView, layers: Sequence[Convolution], target: Target) -> dict[str, float]:
    """Predict each layer's time as it is."""
    return {op.name: predicted_ms(alone(program, op), target) for op in layers}


def output_errors(
    program: ProgramView, replaced: Mapping[str, tuple[Part, Part]], samples: Iterable[Mapping[str, Array]]
) -> dict[str, float]:
    """Run replacements on what their layers see; pool the outputs' distance over samples: |y - y'| / |y|."""
    layers = {name: convolution(program, program.op(name)) for name in replaced}
    tensors = dict.fromkeys(tensor for op in layers.values() for tensor in (op.x, op.y))
    whole = Session(runnable_bytes(program, [name for name in tensors if name not in program.inputs]))
    single = {name: _session(program, op, *replaced[name]) for name, op in layers.items()}
    sums = {name: np.zeros(2) for name in replaced}
    for sample in samples:
        values = {**sample, **whole.run(sample)}
        for name, op in layers.items():
            y = values[op.y].astype(np.float64)
            found = single[name].run({op.x: values[op.x]})[op.y]
            sums[name] += (np.square(y - found).sum(), np.square(y).sum())
    return {name: float(np.sqrt(gap / size)) if size > 0 else 0.0 for name, (gap, size) in sums.items()}


def _session(program: ProgramView, op: Convolution, first: Part, second: Part) -> Session:
    trial = lifted(program, op)
    factorize(trial, convolution(trial, op), first, second)
    refresh_types(trial)
    return Session(runnable_bytes(trial))
