"""A swap as a value, and how its new backbone is grown and brought to the old sizes."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from pydantic import Field

from compiler.codes.passes import FIT_LOST
from compiler.contracts import Decision, Sample
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Array, Program, ProgramView, TensorType, refresh_types, runnable_bytes
from compiler.reference import Session
from compiler.rewrites.grow import Grower, Role, Values, blank, drawn
from compiler.rewrites.join_backbone import Join, Regression, remove_dead, to_size
from passes.backbones.catalogue import NAMES, Backbone, Features, load_backbone

PREFIX = "backbone."
"""Stands before the names of the new backbone's nodes and parameters."""
_FIT_IMAGES = 64


class Hang(Decision):
    """How one tensor of the old backbone is made from the new one."""

    stage: int
    """Which of the new backbone's ends it comes from, counted from the largest map."""
    join: Join
    channels: tuple[int, int]
    """The old and the new number."""
    size: tuple[int, int]
    """The old map's height and width."""
    given: tuple[int, int]
    """The new map's, before it is brought to size."""
    explained: float | None = None
    """The share of the old map's energy on the calibration images that the fit explains."""


class Tried(Decision):
    """What a candidate would give."""

    parameters: int = 0
    predicted_ms: float = 0.0
    accuracy: float | None = None
    """After a short distillation, by the recipe's metric."""
    why_not: str = ""


class Swapped(Decision):
    """The chosen backbone, how the rest hangs on it, and what else was tried."""

    backbone: str
    width: float
    seed: int
    hangs: dict[str, Hang]
    tried: dict[str, Tried]
    weights_sha256: str | None = None
    is_stand_in: bool = False
    unseen: tuple[str, ...] = ()
    """Candidates whose layers lint does not know."""
    source: Any = Field(default=None, exclude=True, repr=False)
    """The network that a library exported, where the backbone is none of the own."""
    weights: Mapping[str, Any] = Field(default={}, exclude=True, repr=False)
    mixings: Mapping[str, Any] = Field(default={}, exclude=True, repr=False)


def image(program: ProgramView) -> str | None:
    """Name the network's image input."""
    fitting = [name for name in program.inputs if (program.shape(name) or ())[:2] == (1, 3)]
    return fitting[0] if len(fitting) == 1 and len(program.shape(fitting[0]) or ()) == 4 else None


def bare(program: ProgramView) -> Program:
    """Make an empty program with the same image input."""
    name = image(program)
    assert name is not None
    trial = Program("backbone", program.opsets)
    trial.add_input(name, TensorType(np.dtype(np.float32), program.shape(name)))
    return trial


def grafted(source: Program) -> Features:
    """Grow what a library exported."""
    return lambda grow, x: grow.graft(source, x)


def features(made: Swapped) -> Features:
    """Tell how to grow the backbone of a swap, whose name and width were checked."""
    if made.source is not None:
        return grafted(made.source)
    if made.backbone not in NAMES:
        said = f"the layers of {made.backbone} are not part of a report, and so cannot be replayed from it"
        raise CompressError(Diagnostic(FIT_LOST, said, "run the pass again"))
    own = load_backbone(made.backbone, made.width)
    assert isinstance(own, Backbone)
    return own.features


def alone(program: ProgramView, growing: Features, values: Values) -> tuple[Program, Grower, list[str]]:
    """Grow a backbone by itself on the network's image."""
    trial = bare(program)
    grow = Grower(trial, values)
    ends = growing(grow, _begin(trial, grow))
    trial.add_output(ends[-1])
    return trial, grow, ends


def _begin(program: Program, grow: Grower) -> str:
    name = image(program)
    shape = program.shape(name or "")
    assert name is not None and shape is not None
    return grow.begin(name, (shape[1], shape[2], shape[3]))


def grown(program: Program, made: Swapped, hangs: Mapping[str, Hang]) -> tuple[Grower, dict[str, str]]:
    """Grow the chosen backbone onto a program, and bring its stages to the old sizes: old tensor to new one."""
    grow = Grower(program, _values(made), PREFIX)
    ends = features(made)(grow, _begin(program, grow))
    maps: dict[str, str] = {}
    for number, (tensor, hang) in enumerate(hangs.items()):
        maps[tensor] = to_size(grow, f"size{number}", ends[hang.stage], *hang.size)
    return grow, maps


def _values(made: Swapped) -> Values:
    """Choose where the new backbone's parameters come from."""
    if made.is_stand_in:
        return blank
    if not made.weights:
        return drawn(np.random.default_rng(made.seed))

    def stored(name: str, shape: tuple[int, ...], role: Role) -> Array:
        del shape, role
        return made.weights[name]

    return stored


def stage(grow: Grower, ends: list[str], size: tuple[int, int], end: str) -> int:
    """Choose the stage of this size, else the next larger, else the largest; of two of one size as `end` says."""
    areas = [grow.size(tensor)[1] * grow.size(tensor)[2] for tensor in ends]
    wanted = size[0] * size[1]
    area = min((area for area in areas if area >= wanted), default=max(areas))
    fitting = [place for place, found in enumerate(areas) if found == area]
    return fitting[-1] if end == "widened" else fitting[0]


def tried_text(candidate: Tried) -> str:
    """Say what a candidate gives, or why it cannot be used."""
    if candidate.why_not:
        return candidate.why_not
    accuracy = "" if candidate.accuracy is None else f", accuracy {candidate.accuracy:g}"
    return f"{candidate.parameters:,} parameters, {candidate.predicted_ms:.3g} ms predicted{accuracy}"


def hang_text(hang: Hang) -> str:
    """Say how a tensor is made, for the report."""
    old, new = hang.channels
    way = f"its readers take {new} channels" if hang.join == "readers" else f"a 1x1 makes {old} channels of {new}"
    fit = "" if hang.explained is None else f"; the fit explains {hang.explained:.0%} of it"
    size = "" if hang.size == hang.given else f"; {_by(hang.given)} brought to {_by(hang.size)}"
    return f"is made from the new backbone's stage {hang.stage + 1}: {way}{size}{fit}"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def fitted(program: ProgramView, made: Swapped, images: Iterator[Sample]) -> Swapped:
    """Fit the old maps by the new ones on calibration images; a running sum, one image at a time."""
    if not made.hangs:
        return made
    trial = bare(program)
    _, maps = grown(trial, made, made.hangs)
    for tensor in dict.fromkeys(maps.values()):
        trial.add_output(tensor)
    remove_dead(trial)
    refresh_types(trial)
    new, old = Session(runnable_bytes(trial)), Session(runnable_bytes(program, tuple(made.hangs)))
    sums = {tensor: Regression(*hang.channels) for tensor, hang in made.hangs.items()}
    for sample in islice(images, _FIT_IMAGES):
        before, after = old.run(sample), new.run(sample)
        for tensor, total in sums.items():
            total.add(before[tensor], after[maps[tensor]])
    fits = {tensor: sums[tensor].solve(shifted=hang.join == "adapter") for tensor, hang in made.hangs.items()}
    hangs = {
        tensor: hang.model_copy(update={"explained": float(f"{fits[tensor][1]:.4g}")})
        for tensor, hang in made.hangs.items()
    }
    return made.model_copy(update={"hangs": hangs, "mixings": {name: fit[0] for name, fit in fits.items()}})
