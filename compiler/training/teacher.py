"""The teacher: the source network, what of its answers the student should come close to, and how that is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView
from compiler.training.batches import Batch
from compiler.training.codes import LOSS_LACKS
from compiler.training.losses.distillation import distance, spreads
from compiler.training.losses.heads import fits, head_distance, head_spread
from compiler.training.match import Match
from compiler.training.options import TrainingOptions
from compiler.training.setup import Facts

Outputs = Mapping[str, Tensor]
Distance = Callable[[Outputs, Outputs], Tensor]


@dataclass(frozen=True, eq=False)
class Teacher:
    """The source network and the distances from it."""

    module: nn.Module
    matches: tuple[Match, ...]
    between_outputs: Distance
    inner_spread: Mapping[str, float]

    @torch.no_grad()
    def answer(self, batch: Batch) -> dict[str, Tensor]:
        """Compute what the student should say."""
        return _narrowed(self.module(*batch.inputs), self.matches)

    def loss(self, outputs: Outputs, answer: Outputs, options: TrainingOptions) -> Tensor:
        """Weigh the distances of outputs and of inner tensors."""
        total = options.teacher_weight * self.between_outputs(outputs, answer)
        if self.matches:
            total = total + options.match_weight * distance(outputs, answer, self.inner_spread)
        return total


def yolo_heads(program: ProgramView, facts: Facts) -> tuple[str, ...] | None:
    """Name the raw YOLO heads of a network in the order of the recipe's anchors; None where outputs are others."""
    shapes = {name: program.shape(name) or () for name in program.outputs}
    heads = sorted(program.outputs, key=lambda name: -prod(shapes[name][2:]))
    if not heads or len(heads) != len(facts.anchors):
        return None
    pairs = zip(heads, facts.anchors, strict=True)
    return tuple(heads) if all(fits(shapes[name], len(flat) // 2) for name, flat in pairs) else None


def make_teacher(  # noqa: PLR0913, PLR0917 - what a teacher is made of
    module: nn.Module,
    matches: tuple[Match, ...],
    program: ProgramView,
    batches: Sequence[Batch],
    facts: Facts,
    share: Callable[[Tensor], Tensor],
) -> Teacher:
    """Measure the teacher's spreads on some batches. Raises CompressError when it has nothing to compare."""
    module.eval().requires_grad_(requires_grad=False)
    with torch.no_grad():
        made = [_narrowed(module(*batch.inputs), matches) for batch in batches]
    inner = spreads(made, tuple(match.tensor for match in matches))
    return Teacher(module, matches, _distance(program, made, facts, share), inner)


def _distance(
    program: ProgramView, made: Sequence[Outputs], facts: Facts, share: Callable[[Tensor], Tensor]
) -> Distance:
    """Choose how outputs are compared: as detections where they are known to be YOLO heads, else as numbers."""
    heads = yolo_heads(program, facts) if facts.decode == "yolo" else None
    if heads is not None:
        pairs = zip(heads, facts.anchors, strict=True)
        known = {name: head_spread([each[name] for each in made], len(flat) // 2) for name, flat in pairs}
        return lambda outputs, answer: head_distance(outputs, answer, known, share)
    names = tuple(name for name in program.outputs if made[0][name].is_floating_point())
    if not names:
        said = "none of the network's outputs is a real number that the student could come close to"
        raise CompressError(Diagnostic(LOSS_LACKS, said, "cut choosing operators (ArgMax, NonMaxSuppression) off"))
    spread = spreads(made, names)
    return lambda outputs, answer: distance(outputs, answer, spread)


def _narrowed(outputs: Outputs, matches: Sequence[Match]) -> dict[str, Tensor]:
    """Take the channels that the student has of each inner tensor."""
    found = dict(outputs)
    for match in matches:
        if match.channels is not None:
            found[match.tensor] = found[match.tensor][:, list(match.channels)]
    return found
