"""Turn a strided transposed convolution into convolutions of stride 1 whose outputs interleave."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from compiler.analysis.deconv_phases import ZERO_TAP, AxisPhase, Deconv
from compiler.ir import Array, ConvTranspose, Program, TensorType

Form: TypeAlias = Literal["one-per-phase", "all-in-one"]
"""One convolution for each phase, or one that computes all phases over a common window."""
Interleave: TypeAlias = Literal["DepthToSpace", "Reshape+Concat"]


def split_deconv(program: Program, op: ConvTranspose, deconv: Deconv, form: Form, interleave: Interleave) -> None:
    """Put the convolutions and the interleaving in the place of a node; the last new node takes its name."""
    joint = deconv.joint() if form == "all-in-one" else None
    if joint is not None:
        parts = [_convolve(program, op, deconv, joint)]
    else:
        parts = [_convolve(program, op, deconv, (phase,)) for phase in deconv.phases()]
    if interleave == "DepthToSpace":
        _depth_to_space(program, op, deconv, parts)
    else:
        _join_rows(program, op, deconv, parts)


def _convolve(program: Program, op: ConvTranspose, deconv: Deconv, phases: Sequence[tuple[AxisPhase, ...]]) -> str:
    """Add one convolution that computes these phases, side by side in its output channels."""
    weight = program.const(op.w)
    assert weight is not None
    kernels = [_kernel(weight, deconv.group, phase) for phase in phases]
    inputs = [op.x, program.add_constant(f"{op.name}_w", _stack(kernels))]
    if op.bias:
        bias = program.const(op.bias[0])
        assert bias is not None
        repeated = np.tile(bias, len(phases))
        inputs.append(op.bias[0] if len(phases) == 1 else program.add_constant(f"{op.name}_b", repeated))
    window = phases[0]
    attributes: dict[str, object] = {
        "kernel_shape": [len(axis.taps) for axis in window],
        "pads": [*(axis.pad_begin for axis in window), *(axis.pad_end for axis in window)],
    }
    if deconv.group > 1:
        attributes["group"] = deconv.group
    if any(axis.step > 1 for axis in window):
        attributes["dilations"] = [axis.step for axis in window]
    size = (deconv.batch, deconv.channels * len(phases), *(axis.positions for axis in deconv.axes))
    return _add(program, op, "Conv", inputs, size, attributes)


def _kernel(weight: Array, group: int, phase: tuple[AxisPhase, ...]) -> Array:
    """Pick a phase's taps out of a weight [in, out / group, *kernel], and turn it into [out, in / group, *kernel]."""
    ins, per_group, *_ = weight.shape
    shape = (group * per_group, ins // group, *(len(axis.taps) for axis in phase))
    has_gaps = any(ZERO_TAP in axis.taps for axis in phase)
    if not any(weight.strides) and not (has_gaps and weight.flat[0]):
        # A stand-in that takes no memory for its elements stays one.
        return np.broadcast_to(weight.reshape(-1)[0], shape)
    # ZERO_TAP is -1, so that it picks the zero behind the last tap.
    padded = np.pad(weight, [(0, 0), (0, 0), *((0, 1) for _ in phase)]) if has_gaps else weight
    picked = padded[(slice(None), slice(None), *np.ix_(*(axis.taps for axis in phase)))]
    return np.ascontiguousarray(np.swapaxes(picked.reshape(group, -1, *picked.shape[1:]), 1, 2).reshape(shape))


def _stack(kernels: list[Array]) -> Array:
    """Join kernels along the output channels; stand-ins give a stand-in."""
    first, shape = kernels[0], (sum(len(kernel) for kernel in kernels), *kernels[0].shape[1:])
    if len(kernels) == 1:
        return first
    is_bare = not any(any(kernel.strides) for kernel in kernels)
    return np.broadcast_to(first.reshape(-1)[0], shape) if is_bare else np.concatenate(kernels)


def _depth_to_space(program: Program, op: ConvTranspose, deconv: Deconv, parts: list[str]) -> None:
    """Interleave equal strides: channels of all phases, phase by phase, then DepthToSpace."""
    stride, phases = deconv.strides[0], int(np.prod(deconv.strides))
    size = (deconv.batch, deconv.channels * phases, *(axis.positions for axis in deconv.axes))
    deep = parts[0] if len(parts) == 1 else _add(program, op, "Concat", parts, size, {"axis": 1})
    whole = (deconv.batch, deconv.channels, *(axis.positions * axis.stride for axis in deconv.axes))
    _finish(program, op, deconv, "DepthToSpace", [deep], {"blocksize": stride, "mode": "DCR"}, whole)


def _join_rows(program: Program, op: ConvTranspose, deconv: Deconv, parts: list[str]) -> None:
    """Interleave axis by axis from the last: maps seen as matrices whose rows end at the axis, joined row by row."""
    sizes = [deconv.batch, deconv.channels, *(axis.positions for axis in deconv.axes)]
    for place in reversed(range(len(deconv.axes))):
        stride = deconv.strides[place]
        if stride == 1:
            continue
        rows, columns = int(np.prod(sizes[: place + 3])), int(np.prod(sizes[place + 3 :]))
        shape = program.add_constant(f"{op.name}_shape", np.asarray((rows, columns), dtype=np.int64))
        parts = [_add(program, op, "Reshape", [part, shape], (rows, columns), {}) for part in parts]
        neighbours = [parts[first : first + stride] for first in range(0, len(parts), stride)]
        parts = [_add(program, op, "Concat", row, (rows, stride * columns), {"axis": 1}) for row in neighbours]
        sizes[place + 2] *= stride
    shape = program.add_constant(f"{op.name}_shape", np.asarray(sizes, dtype=np.int64))
    _finish(program, op, deconv, "Reshape", [parts[0], shape], {}, tuple(sizes))


def _finish(  # noqa: PLR0913, PLR0917 - a node has this many parts
    program: Program,
    op: ConvTranspose,
    deconv: Deconv,
    op_type: str,
    inputs: list[str],
    attributes: dict[str, object],
    size: tuple[int, ...],
) -> None:
    """Let the node itself be the last step: the interleaving, or a Slice where that leaves a surplus at the end."""
    wanted = (deconv.batch, deconv.channels, *(axis.output for axis in deconv.axes))
    if size != wanted:
        whole = _add(program, op, op_type, inputs, size, attributes)
        axes = [place for place, (a, b) in enumerate(zip(size, wanted, strict=True)) if a != b]
        bounds = ([0] * len(axes), [wanted[place] for place in axes], axes)
        named = zip(("starts", "ends", "axes"), bounds, strict=True)
        inputs = [
            whole,
            *(program.add_constant(f"{op.name}_{name}", np.asarray(numbers, np.int64)) for name, numbers in named),
        ]
        op_type, attributes = "Slice", {}
    program.retype(op, op_type, inputs)
    for key, value in attributes.items():
        program.set_attribute(op, key, value)


def _add(  # noqa: PLR0913, PLR0917 - a node has this many parts
    program: Program,
    op: ConvTranspose,
    op_type: str,
    inputs: Sequence[str],
    size: tuple[int, ...],
    attributes: dict[str, object],
) -> str:
    """Add a node of a known output size, named after the layer that it is part of."""
    name = program.fresh(f"{op.name}_{op_type.lower()}")
    program.add(op_type, inputs, [name], attributes, name=name)
    program.set_type(name, TensorType(program.type(op.y).dtype, size))
    return name
