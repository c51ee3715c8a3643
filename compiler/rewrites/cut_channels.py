"""Cut channels out of a program: slice every constant that has one entry per channel, and count anew where it counts.

Each reader of a removed channel loses the weights that multiplied it. The result therefore equals the original
network with those weights set to zero ("masked") to float rounding; whatever constant value the channel carried, a
bias or sigmoid(0), no longer reaches its readers in either.
"""

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels import FIXED, Channels, Ids
from compiler.analysis.channels.identities import Piece
from compiler.ir import Op, Program


def cut_channels(program: Program, channels: Channels, gone: Ids) -> None:
    """Remove the units of these labels; linear in the sizes of the constants that change."""
    if not gone.size:
        return
    is_gone = np.zeros(channels.labels.size, dtype=bool)
    is_gone[gone] = True
    for use in channels.uses:
        stays = _stays(channels, is_gone, use.ids)
        if stays.all():
            continue
        op = program.op(use.layer)
        value = program.const(op.input(use.slot))
        assert value is not None
        program.give_const(op, use.slot, np.compress(stays, value, axis=use.axis))
    for piece in channels.pieces:
        kept = [_stays(channels, is_gone, ids) for ids in piece.ids]
        if not all(stays.all() for stays in kept):
            _recount(program, piece, kept)


def _stays(channels: Channels, is_gone: NDArray[np.bool_], ids: Ids) -> NDArray[np.bool_]:
    """Tell for each position whether its channel stays."""
    return (ids == FIXED) | ~is_gone[channels.labels_of(ids)]


def _recount(program: Program, piece: Piece, kept: list[NDArray[np.bool_]]) -> None:
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
    elif piece.kind == "gather" or piece.kind == "gather":
        _repick(program, op, kept)
    elif piece.kind == "reshape":
        _write_entry(program, op, 1, piece.axis, counts[0])
    else:
        _write_entry(program, op, 3, piece.axis, counts[0])


def _repick(program: Program, op: Op, kept: list[NDArray[np.bool_]]) -> None:
    """Renumber the channels that a Gather picks, and pick those no longer that went."""
    stays, picked = kept
    indices = program.const(op.input(1))
    assert indices is not None
    places = np.cumsum(stays) - 1
    program.give_const(op, 1, places[indices % stays.size][picked].astype(indices.dtype))


def _write_entry(program: Program, op: Op, slot: int, place: int, number: int) -> None:
    """Change one entry of a constant list of integers; -1 and 0 in a target shape already mean the right thing."""
    values = program.const(op.input(slot))
    assert values is not None
    if slot == 1 and op.op_type == "Reshape" and int(values[place]) <= 0:
        return
    changed = np.array(values)
    changed[place] = number
    program.give_const(op, slot, changed)
