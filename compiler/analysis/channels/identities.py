"""Channel identities: a number for every channel that a layer produces, and which of them must live or die together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compiler.analysis.channels.rest import Rest
from compiler.ir import Op, ProgramView

Ids = NDArray[np.int64]

FIXED = -1
"""Stands for a channel without identity: it comes from an input or a constant and always stays."""


@dataclass(frozen=True)
class Layout:
    """Where a tensor's channels lie: identity `ids[i]` at position i of one axis, the same all over the others."""

    axis: int
    ids: Ids
    rest: Rest
    """What each channel carries once its filters are masked."""


@dataclass(frozen=True)
class Use:
    """A constant that is cut when channels go: an input slot of a layer, the axis, and the identity per position."""

    layer: str
    slot: int
    axis: int
    ids: Ids
    is_filter: bool = False
    """Whether each position is a filter of the layer, of which one output channel comes."""


@dataclass(frozen=True)
class Piece:
    """A node that counts channels by number and must count anew: what it is and which identities pass it."""

    layer: str
    kind: str
    """group, split, slice, gather, reshape, mean or sizes."""
    axis: int
    ids: tuple[Ids, ...]
    start: int = 0


@dataclass(frozen=True)
class Pin:
    """Channels that have to stay, and why."""

    layer: str
    why: str
    ids: Ids


@dataclass(frozen=True)
class Fold:
    """A layer that has to take over, in its bias, what channels that it reads carry when they are masked."""

    layer: str
    axis: int
    """The axis of the weight on which its inputs lie."""
    group: int
    ids: Ids
    rest: Rest


@dataclass
class State:
    """What the walk over a program gathers; every rule reads layouts and adds to these lists."""

    program: ProgramView
    count: int = 0
    layouts: dict[str, Layout] = field(default_factory=dict[str, Layout])
    uses: list[Use] = field(default_factory=list[Use])
    pieces: list[Piece] = field(default_factory=list[Piece])
    shared: dict[str, tuple[Ids, Ids]] = field(default_factory=dict[str, tuple[Ids, Ids]])
    """For each weight, the inputs and filters of the first layer that reads it."""
    folds: list[Fold] = field(default_factory=list[Fold])
    pins: list[Pin] = field(default_factory=list[Pin])
    edges: list[tuple[Ids, Ids]] = field(default_factory=list[tuple[Ids, Ids]])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Layers whose filters cannot be told apart or cut at all, with the reason."""

    def fresh(self, count: int) -> Ids:
        """Give numbers to the channels that a layer makes."""
        ids = np.arange(self.count, self.count + count, dtype=np.int64)
        self.count += count
        return ids

    def layout(self, tensor: str) -> Layout | None:
        """Tell where a tensor's channels lie, or None when it has none that could go."""
        return self.layouts.get(tensor) if tensor else None

    def pin(self, op: Op, ids: Ids, why: str) -> None:
        """Keep channels for a reason."""
        known = ids[ids != FIXED]
        if known.size:
            self.pins.append(Pin(op.name, why, known))

    def pin_inputs(self, op: Op, why: str) -> None:
        """Keep every channel that a node reads."""
        for tensor in dict.fromkeys((*op.inputs, *op.captures)):
            if (layout := self.layout(tensor)) is not None:
                self.pin(op, layout.ids, why)

    def refuse(self, op: Op, why: str) -> None:
        """Give up on a layer: its filters stay, and so does every channel that it reads."""
        self.refused[op.name] = why
        self.pin_inputs(op, why)

    def pin_rest(self, op: Op, layout: Layout, why: str) -> None:
        """Keep the channels that would carry on something when masked, where the reader cannot make up for it."""
        carried = layout.rest[layout.rest != 0]
        if carried.size:
            what = f"{carried[0]:.3g}" if np.isfinite(carried[0]) else "a value"
            self.pin(op, layout.ids[layout.rest != 0], f"a removed channel would still bring it {what}, and {why}")

    def merge(self, op: Op, first: Ids, second: Ids) -> None:
        """Tie two rows of channels together, position by position."""
        self.pin(op, first[second == FIXED], "its channels meet channels that have to stay")
        self.pin(op, second[first == FIXED], "its channels meet channels that have to stay")
        both = (first != FIXED) & (second != FIXED) & (first != second)
        if both.any():
            self.edges.append((first[both], second[both]))

    def use(self, op: Op, slot: int, axis: int, ids: Ids) -> None:
        """Record a constant to be cut along one axis."""
        self.uses.append(Use(op.name, slot, axis, ids))

    def use_filters(self, op: Op, slot: int, axis: int, ids: Ids) -> None:
        """Record the axis of a weight that holds a layer's filters."""
        self.uses.append(Use(op.name, slot, axis, ids, is_filter=True))


def components(count: int, edges: list[tuple[Ids, Ids]]) -> Ids:
    """Label every identity with the smallest identity that it is tied to.

    Repeated minimum over edges with pointer jumping: vectorised, near-linear in identities plus edges.
    """
    label = np.arange(count, dtype=np.int64)
    if not edges:
        return label
    a, b = np.concatenate([edge[0] for edge in edges]), np.concatenate([edge[1] for edge in edges])
    while True:
        lowest = np.minimum(label[a], label[b])
        after = label.copy()
        for ends in (a, b):
            np.minimum.at(after, label[ends], lowest)
        after = after[after]
        if np.array_equal(after, label):
            return label
        label = after
