"""Channels through layers with weights: convolutions, fully connected layers, normalisations."""

import numpy as np

from compiler.analysis.channels.identities import FIXED, Fold, Ids, Layout, Piece, State, Use
from compiler.analysis.channels.rest import zeros
from compiler.ir import BatchNorm, Conv, ConvTranspose, Gemm, MatMul, Op

_UNPADDED = ("NOTSET", "VALID")
_UNEVEN = "a removed channel would still bring it a value that is not the same everywhere"


def conv(state: State, op: Op) -> None:
    """Conv: inputs on axis 1 of x; filters on axis 0 of the weight, of shape [out, in / group, *kernel]."""
    shape = _own_weight(state, op)
    layout = _channels_of(state, op)
    if shape is None:
        return
    group = op.integer("group", 1)
    ids = layout.ids if layout is not None else np.full(shape[1] * group, FIXED)
    if group > 1 and shape[1] == 1:
        out = np.repeat(ids, shape[0] // group)
        state.pieces.append(Piece(op.name, "group", 1, (ids,)))
    else:
        state.use(op, Conv.W, 1, _tie_groups(state, op, ids, group))
        out = state.fresh(shape[0])
        _tie_groups(state, op, out, group)
        if layout is not None and (any(op.integers("pads")) or op.text("auto_pad", "NOTSET") not in _UNPADDED):
            state.pin_rest(op, layout, "it pads with zeros")
        elif layout is not None:
            _fold_rest(state, op, layout, Conv.B, Fold(op.name, 1, group, ids, layout.rest))
        _tie_readers(state, op, ids, out)
    state.use_filters(op, Conv.W, 0, out)
    _bias(state, op, Conv.B, out)
    _put(state, op, 1, out)


def conv_transpose(state: State, op: Op) -> None:
    """ConvTranspose: the weight is [in, out / group, *kernel]."""
    shape = _own_weight(state, op)
    layout = _channels_of(state, op)
    if shape is None:
        return
    group = op.integer("group", 1)
    ids = layout.ids if layout is not None else np.full(shape[0], FIXED)
    if group > 1 and group == shape[0]:
        out = np.repeat(ids, shape[1])
        state.pieces.append(Piece(op.name, "group", 1, (ids,)))
        state.uses.append(_filters_of_inputs(op, ids))
    else:
        _tie_groups(state, op, ids, group)
        state.use(op, ConvTranspose.W, 0, ids)
        out = state.fresh(shape[1] * group)
        state.use_filters(op, ConvTranspose.W, 1, _tie_groups(state, op, out, group))
        if layout is not None:
            state.pin_rest(op, layout, "it spreads it unevenly over its pixels")
        _tie_readers(state, op, ids, out)
    _bias(state, op, ConvTranspose.B, out)
    _put(state, op, 1, out)


def gemm(state: State, op: Op) -> None:
    """Gemm: features on axis 1 of A; neurons on the other axis of B."""
    layout = state.layout(op.x)
    shape = _own_weight(state, op)
    if shape is None:
        return
    if op.integer("transA", 0):
        state.refuse(op, "it transposes its input")
        return
    axis = 0 if op.integer("transB", 0) else 1
    ids = np.full(shape[1 - axis], FIXED)
    if layout is not None and layout.axis == 1:
        ids = layout.ids
        state.use(op, Gemm.W, 1 - axis, ids)
        _fold_rest(state, op, layout, Gemm.C, Fold(op.name, 1 - axis, 1, ids, layout.rest))
    elif layout is not None:
        state.pin(op, layout.ids, "its features lie on another axis")
    out = state.fresh(shape[axis])
    state.use_filters(op, Gemm.W, axis, out)
    _bias(state, op, Gemm.C, out)
    _put(state, op, 1, out)
    _tie_readers(state, op, ids, out)


def matmul(state: State, op: Op) -> None:
    """MatMul by a constant matrix: features on the last axis of x."""
    shape = state.program.shape(op.x)
    if not state.program.is_constant(op.input(1)):
        state.pin_inputs(op, "it multiplies two results")
        return
    weight = _own_weight(state, op)
    if weight is None:
        return
    if shape is None or len(weight) != 2:
        state.refuse(op, "it multiplies by something else than a matrix")
        return
    layout, last = state.layout(op.x), len(shape) - 1
    ids = np.full(weight[0], FIXED)
    if layout is not None and layout.axis == last:
        ids = layout.ids
        state.use(op, MatMul.W, 0, ids)
        state.pin_rest(op, layout, "it has no bias that could make up for it")
    elif layout is not None:
        state.pin(op, layout.ids, "its features lie on another axis")
    out = state.fresh(weight[1])
    state.use_filters(op, MatMul.W, 1, out)
    _put(state, op, last, out)
    _tie_readers(state, op, ids, out)


def recurrent(state: State, op: Op) -> None:
    """RNN, GRU, LSTM: features on the last axis of x and of the input weight; the layer's own width stays."""
    layout, weight = state.layout(op.x), op.input(1)
    for slot in range(1, len(op.inputs)):
        if (other := state.layout(op.input(slot))) is not None:
            state.pin(op, other.ids, "they set up a recurrent layer")
    if layout is None:
        return
    if layout.axis != 2 or not state.program.is_constant(weight):
        state.pin(op, layout.ids, "its input weight is computed at run time, or its features lie on another axis")
        return
    state.use(op, 1, 2, layout.ids)
    state.pin_rest(op, layout, f"{op.op_type} would have to make up for it")


def batch_norm(state: State, op: Op) -> None:
    """BatchNormalization and InstanceNormalization: one parameter per channel in every further slot."""
    layout = state.layout(op.x)
    if layout is None:
        return
    norm = state.program.producer(op.y, BatchNorm)
    slots = range(1, len(op.inputs))
    if layout.axis != 1:
        state.pin_inputs(op, "it normalises over several channels at once")
        return
    if (norm is not None and norm.is_training) or not all(state.program.is_constant(op.input(slot)) for slot in slots):
        state.pin_inputs(op, "its parameters are not constant, or not one per channel")
        return
    for slot in slots:
        state.use(op, slot, 0, layout.ids)
    _put(state, op, 1, layout.ids)


def _put(state: State, op: Op, axis: int, ids: Ids) -> None:
    """Say where a layer's output has its channels: masking sets them to zero there."""
    state.layouts[op.y] = Layout(axis, ids, zeros(ids.size))


def _fold_rest(state: State, op: Op, layout: Layout, slot: int, fold: Fold) -> None:
    """Let a layer's bias take over what masked channels carry, where that is one number and there can be a bias."""
    if op.has(slot) and not (state.program.is_constant(op.input(slot)) and op.number("beta", 1.0)):
        state.pin_rest(op, layout, "its bias cannot make up for it")
        return
    is_number = np.isfinite(layout.rest)
    state.pin(op, layout.ids[~is_number], _UNEVEN)
    if layout.rest[is_number].any():
        state.folds.append(fold)


def _own_weight(state: State, op: Op) -> tuple[int, ...] | None:
    """Return the weight's shape, if it is constant and all that read it use it alike; else refuse and say why."""
    weight = op.input(1)
    if not state.program.is_constant(weight):
        state.refuse(op, "its weight is computed at run time")
        return None
    for other in state.program.readers(weight):
        if (_how(other), other.inputs.count(weight), other.input(1)) != (_how(op), 1, weight):
            state.refuse(op, f"its weight {weight} is shared with {other.name}, which uses it in another way")
            return None
    return state.program.shape(weight)


def _how(op: Op) -> tuple[str, str, int, int, int]:
    """Say in what way a layer uses its weight."""
    return op.op_type, op.domain, op.integer("group", 1), op.integer("transA", 0), op.integer("transB", 0)


def _tie_readers(state: State, op: Op, ids: Ids, out: Ids) -> None:
    """Tie the channels of layers that share a weight, which so is cut once for all of them.

    A weight of one row per channel is small: each layer cuts a copy of its own.
    """
    first = state.shared.setdefault(op.input(1), (ids, out))
    if first[1] is not out:
        state.merge(op, first[0], ids)
        state.merge(op, first[1], out)


def _channels_of(state: State, op: Op) -> Layout | None:
    """Return the layout of a convolution's input when the channels lie on axis 1; keep them otherwise."""
    layout = state.layout(op.x)
    if layout is not None and layout.axis != 1:
        state.pin_inputs(op, "its input's channels lie on another axis")
        return None
    return layout


def _tie_groups(state: State, op: Op, ids: Ids, group: int) -> Ids:
    """Tie the channels at equal places of every group, so that groups stay equally wide; return one group's."""
    rows = ids.reshape(group, -1)
    for row in rows[1:]:
        state.merge(op, rows[0], row)
    return rows[0]


def _bias(state: State, op: Op, slot: int, out: Ids) -> None:
    """Cut a bias with its filters; one value for all filters stays as it is."""
    if not op.has(slot):
        return
    value = state.program.const(op.input(slot))
    if value is None:
        made = state.layout(op.input(slot))
        for ids in (out, *(() if made is None else (made.ids,))):
            state.pin(op, ids, "its bias is computed at run time")
    elif value.ndim and value.shape[-1] == out.size:
        state.use(op, slot, value.ndim - 1, out)


def _filters_of_inputs(op: Op, ids: Ids) -> Use:
    """Describe a depthwise transposed convolution, whose weight has one row per input channel."""
    return Use(op.name, ConvTranspose.W, 0, ids, is_filter=True)
