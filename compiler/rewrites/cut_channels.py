"""Cut channels out of a program: slice every constant that has one entry per channel, and count anew where it counts.

What remains equals, to float rounding, the original network with the removed channels masked: their filters' weights
and biases, the scales and shifts of normalisations on their way, and what constants add to them, are zero. A value that
a masked channel still carries, such as sigmoid(0), goes into the biases of the layers that read it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import FIXED, Channels, Ids
from compiler.analysis.channels.identities import Fold, Piece
from compiler.ir import Array, Op, Program

_Stays = NDArray[np.bool_]
_BIAS = 2


def cut_masked_channels(program: Program, channels: Channels, gone: Ids) -> None:
    """Remove the units of these labels, and let biases take over what they would carry when masked."""
    is_gone = _marked(channels, gone)
    taken = {fold.layer: _taken(program, fold, _stays(channels, is_gone, fold.ids)) for fold in channels.folds}
    cut_channels(program, channels, gone)
    for layer, amount in taken.items():
        if amount is not None:
            _add_to_bias(program, program.op(layer), amount[_stays(channels, is_gone, channels.filters[layer].ids)])


def cut_channels(program: Program, channels: Channels, gone: Ids) -> None:
    """Remove the units of these labels and whatever they carry; linear in the sizes of the constants that change."""
    if not gone.size:
        return
    is_gone = _marked(channels, gone)
    _cut_constants(program, channels, is_gone)
    for piece in channels.pieces:
        kept = [_stays(channels, is_gone, ids) for ids in piece.ids]
        if not all(stays.all() for stays in kept):
            _recount(program, piece, kept)


def _marked(channels: Channels, gone: Ids) -> _Stays:
    is_gone = np.zeros(channels.labels.size, dtype=bool)
    is_gone[gone] = True
    return is_gone


def _cut_constants(program: Program, channels: Channels, is_gone: _Stays) -> None:
    """Slice the constants along all their axes; layers that share one and lose the same share the result."""
    cuts: dict[tuple[str, int], dict[int, _Stays]] = {}
    for use in channels.uses:
        stays = _stays(channels, is_gone, use.ids)
        if not stays.all():
            cuts.setdefault((use.layer, use.slot), {})[use.axis] = stays
    done: dict[tuple[str, bytes], str] = {}
    for (layer, slot), axes in cuts.items():
        op = program.op(layer)
        tensor = op.input(slot)
        key = (tensor, b"".join(b"%d:%b" % (axis, axes[axis].tobytes()) for axis in sorted(axes)))
        if key in done:
            program.set_input(op, slot, done[key])
        else:
            done[key] = program.give_const(op, slot, _compressed(program, tensor, axes))


def _compressed(program: Program, tensor: str, axes: Mapping[int, _Stays]) -> Array:
    value = program.const(tensor)
    assert value is not None
    for axis in sorted(axes):  # whole rows first: they are the cheapest to leave out
        value = np.compress(axes[axis], value, axis=axis)
    return value


def _taken(program: Program, fold: Fold, stays: _Stays) -> Array | None:
    """Sum up what each filter of a layer receives from the masked channels that go, or None when that is nothing."""
    carried = np.where(stays, 0.0, fold.rest)
    weight = program.const(program.op(fold.layer).input(1))
    assert weight is not None
    if not carried.any():
        return None
    weight = np.moveaxis(weight, fold.axis, 1).astype(np.float64)
    filters, width = weight.shape[:2]
    summed = weight.reshape(filters, width, -1).sum(axis=2).reshape(fold.group, -1, width)
    return (summed @ carried.reshape(fold.group, width, 1)).reshape(filters)


def _add_to_bias(program: Program, op: Op, amount: Array) -> None:
    """Add to the bias of a Conv or Gemm, or give it one."""
    weight, bias = program.const(op.input(1)), program.const(op.input(_BIAS))
    assert weight is not None
    more = amount * op.number("alpha", 1.0) / op.number("beta", 1.0)
    program.give_const(op, _BIAS, ((0 if bias is None else bias) + more).astype(weight.dtype))


def _stays(channels: Channels, is_gone: _Stays, ids: Ids) -> _Stays:
    """Tell for each position whether its channel stays."""
    return (ids == FIXED) | ~is_gone[channels.labels_of(ids)]


def _recount(program: Program, piece: Piece, kept: list[_Stays]) -> None:
    """Write the new number of channels where a node states the old one."""
    op = program.op(piece.layer)
    counts = [int(np.count_nonzero(stays)) for stays in kept]
    if piece.kind == "group":
        program.set_attribute(op, "group", counts[0])
    elif piece.kind == "split":
        program.set_attribute(op, "num_outputs", None)
        program.give_const(op, 1, np.asarray(counts, dtype=np.int64))
    elif piece.kind == "slice":
        start = int(np.count_nonzero(kept[0][: piece.start]))
        _write_entry(program, op, 1, piece.axis, start)
        _write_entry(program, op, 2, piece.axis, start + counts[1])
    elif piece.kind == "gather":
        _repick(program, op, kept)
    elif piece.kind == "mean":
        _scale_mean(program, op, counts[0] / kept[0].size)
    elif piece.kind == "reshape":
        _write_entry(program, op, 1, piece.axis, counts[0])
    else:
        _write_entry(program, op, 3, piece.axis, counts[0])


def _repick(program: Program, op: Op, kept: list[_Stays]) -> None:
    """Renumber the channels that a Gather picks, and pick those no longer that went."""
    stays, picked = kept
    indices = program.const(op.input(1))
    assert indices is not None
    places = np.cumsum(stays) - 1
    program.give_const(op, 1, places[indices % stays.size][picked].astype(indices.dtype))


def _scale_mean(program: Program, op: Op, share: float) -> None:
    """Let a mean over the channels that stay count those that went, which were zero."""
    kind, readers = program.type(op.y), program.readers(op.y)
    scaled = program.fresh(f"{op.y}_of_all")
    factor = program.add_constant(f"{op.name}_share", np.asarray(share, dtype=kind.dtype or np.float32))
    program.add("Mul", [op.y, factor], [scaled], name=program.fresh_node(f"{op.name}_of_all"))
    program.set_type(scaled, kind)
    for reader in readers:
        for slot, tensor in enumerate(reader.inputs):
            if tensor == op.y:
                program.set_input(reader, slot, scaled)


def _write_entry(program: Program, op: Op, slot: int, place: int, number: int) -> None:
    """Change one entry of a constant list of integers; -1 and 0 in a target shape already mean the right thing."""
    values = program.const(op.input(slot))
    assert values is not None
    if slot == 1 and op.op_type == "Reshape" and int(values[place]) <= 0:
        return
    changed = np.array(values)
    changed[place] = number
    program.give_const(op, slot, changed)
