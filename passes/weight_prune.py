"""Set the smallest single weights to zero: a share of them, or all but N of every M."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from compiler.analysis.selectors import check_selectors, select
from compiler.analysis.zeros import (
    WEIGHTED,
    ZEROS_KEY,
    count_zeros,
    input_axis,
    packed_bytes,
    share_out,
    weight_of,
    with_pattern,
    with_zeros,
)
from compiler.codes.passes import ZEROS_SIZE, ZEROS_UNUSED
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import Diagnostic
from compiler.ir import Array, Op, Program, ProgramView
from compiler.target import Target

Level = Annotated[float, Field(ge=0, lt=1)]


class Zeroed(Decision):
    """How many of which layers' weights become zero; which ones follows from the weights."""

    zeros: dict[str, int] = {}
    """Layer name to the number of weights that are zero afterwards; a weight that layers share stands at the first."""
    kept: tuple[int, int] | None = None
    """For a pattern: so many of every so many stay, in each of the layers."""
    weights: int = 0
    """How many weights the layers have together."""
    packed_bytes: tuple[int, int] = (0, 0)
    """Bytes of these weights packed as gzip does, before and after."""


class WeightPrune(Pass):
    """Set the smallest single weights to zero: a share of them, or all but N of every M.

    Of a layer's n weights the floor(n level) of the smallest magnitude become zero. With `scope: global` the share
    counts over all layers together, so that a layer of small weights loses more, at most `max_level` of it. `levels`
    gives some layers a level of their own, by name, glob or operator type; of several that match the last one counts.
    `pattern: "2:4"` keeps the 2 largest of every 4 weights that are neighbours along a layer's input channels.

    No layer becomes smaller by that, and a board that has no kernels for sparse weights multiplies the zeros: the
    report says what the target makes of them. What shrinks is the packed file; the report holds both sizes. For ONNX
    Runtime `model.onnx` itself leaves the zeros out: it holds a bit for every weight and the values that are left,
    which the runtime puts together bit for bit while it loads. The files for other boards stay as they are. For speed
    use `level-prune`, and before this pass.

    Inside a `repeat`, round 2 of 3 goes two thirds of the way, a pattern in whole weights. `finetune` keeps what is
    zero at zero.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["level"]}, {"required": ["levels"]}, {"required": ["pattern"]}]}
    )

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"clean"})
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "integers": "weights that are stored as integers stand behind a conversion; prune, then quantise",
        "narrow-weights": "weights that are stored in half precision stand behind a conversion",
    }
    comes_before: ClassVar[Mapping[str, str]] = {
        "fp16": "the guideline prunes in full precision, and narrows what is left",
    }
    is_structural: ClassVar[bool] = False

    level: Level | None = Field(default=None, description="share of weights to set to zero")
    levels: dict[str, Level] = Field(default={}, description="levels of their own, for the layers that these select")
    pattern: Annotated[str, Field(pattern=r"^[1-9][0-9]*:[1-9][0-9]*$")] | None = Field(
        default=None, description='N:M, such as "2:4": keep N of every M weights along the input channels'
    )
    scope: Literal["local", "global"] = Field(
        default="local", description="local: the same share in every layer; global: the share of all weights together"
    )
    max_level: Level = Field(default=0.95, description="for scope global: the largest share that any layer loses")
    only: tuple[str, ...] = Field(default=(), description="these layers only: names, globs, operator types")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers alone")

    @model_validator(mode="after")
    def _has_one_aim(self) -> Self:
        if self.pattern is None and self.level is None and not self.levels:
            raise ValueError("WeightPrune needs `level`, `levels` or `pattern`")
        if self.pattern is not None and (self.level is not None or self.levels or self.scope == "global"):
            raise ValueError("`pattern` says how many weights stay, so `level`, `levels` and `scope` do not go with it")
        if self.pattern is not None and not self._goal[0] < self._goal[1]:
            raise ValueError(f'`pattern: "{self.pattern}"` sets nothing to zero; the first number must be smaller')
        if self.scope == "global" and self.level is None:
            raise ValueError("`scope: global` shares out a `level`, and none is given")
        return self

    def gives(self, target: Target) -> frozenset[str]:
        """Name what later steps have to reckon with."""
        return frozenset({"zeros"} if self.pattern is None else {"zeros", "zero-pattern"})

    def foresee(self, target: Target) -> Iterator[Diagnostic]:
        """Say what the target makes of zeros."""
        zeros = target.zeros
        if not zeros.gain:
            said = f"{target.name} gains nothing from zeros among the weights: {zeros.because}"
            yield Diagnostic(ZEROS_UNUSED, said, "use level-prune for speed; zeros only make the download smaller")

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield an error for each selector that matches nothing."""
        for option, patterns in (("levels", tuple(self.levels)), ("only", self.only), ("skip", self.skip)):
            yield from check_selectors(program, patterns, option)

    def decide(self, program: ProgramView, context: Context) -> Zeroed:
        """Count each layer's zeros; nothing on the lint path, as no shape depends on them."""
        if context.is_stand_in:
            return Zeroed()
        weights, _ = self._chosen(program)
        if self.pattern is not None:
            kept, of = self._goal
            kept = of - int((of - kept) * context.way)
            fitting = {name: w for name, w in weights.items() if w.shape[input_axis(program.op(name), w)] % of == 0}
            decision = Zeroed(zeros={name: w.size // of * (of - kept) for name, w in fitting.items()}, kept=(kept, of))
        else:
            decision = Zeroed(zeros=self._counts(program, weights, context.way))
        layers = decision.zeros
        after = [_zeroed(program.op(name), weights[name], decision) for name in layers]
        return decision.model_copy(
            update={
                "weights": sum(weights[name].size for name in layers),
                "packed_bytes": (packed_bytes([weights[name] for name in layers]), packed_bytes(after)),
            }
        )

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Set the weights to zero, and tell later steps to keep them so."""
        assert isinstance(decision, Zeroed)
        weights, skipped = self._chosen(program)
        for layer, why in skipped.items():
            log.skip(layer, why)
        for layer, weight in weights.items():
            if layer not in decision.zeros and decision.kept is not None:
                channels = weight.shape[input_axis(program.op(layer), weight)]
                log.skip(layer, f"its {channels} input channels are no multiple of {decision.kept[1]}")
        for layer in decision.zeros:
            zeroed = _zeroed(program.op(layer), weights[layer], decision)
            if not np.array_equal(zeroed, weights[layer]):
                program.replace_constant(program.op(layer).input(1), zeroed)
        if any(decision.zeros.values()):
            program.set_metadata(ZEROS_KEY, "kept")
            log.find(_size_note(decision))

    @property
    def _goal(self) -> tuple[int, int]:
        """Read the pattern: how many stay of how many."""
        kept, of = (self.pattern or "1:1").split(":")
        return int(kept), int(of)

    def _chosen(self, program: ProgramView) -> tuple[dict[str, Array], dict[str, str]]:
        """List the layers' weights, each tensor once at its first layer, and why others have none."""
        wanted = select(program, self.only or ("*",)) - select(program, self.skip)
        found: dict[str, Array] = {}
        skipped: dict[str, str] = {}
        seen: set[str] = set()
        for op in program.each():
            if op.domain or op.op_type not in WEIGHTED or op.input(1) in seen:
                continue
            weight = weight_of(program, op)
            if op.name not in wanted:
                skipped[op.name] = "the recipe's `only` and `skip` leave it alone"
            elif isinstance(weight, str):
                skipped[op.name] = weight
            else:
                found[op.name] = weight
                seen.add(op.input(1))
        return found, skipped

    def _counts(self, program: ProgramView, weights: Mapping[str, Array], way: Fraction) -> dict[str, int]:
        """Count each layer's zeros by its level, or share them out."""
        own = {layer: level for pattern, level in self.levels.items() for layer in select(program, (pattern,))}
        counts = {name: count_zeros(w.size, own[name], way) for name, w in weights.items() if name in own}
        rest = {name: w for name, w in weights.items() if name not in own}
        if self.level is None:
            return counts
        if self.scope == "global":
            total = count_zeros(sum(w.size for w in rest.values()), self.level, way)
            shared = share_out(rest, total, self.max_level)
        else:
            shared = {name: count_zeros(w.size, self.level, way) for name, w in rest.items()}
        return {name: (counts | shared)[name] for name in weights}


def _zeroed(op: Op, weight: Array, decision: Zeroed) -> Array:
    """Carry a decision out on one weight."""
    if decision.kept is None:
        return with_zeros(weight, decision.zeros[op.name])
    return with_pattern(weight, input_axis(op, weight), *decision.kept)


def _size_note(decision: Zeroed) -> Diagnostic:
    """Say what became of the size."""
    share = sum(decision.zeros.values()) / max(decision.weights, 1)
    before, after = map(_size, decision.packed_bytes)
    plain = _size(decision.weights * 4)
    said = f"{share:.1%} of these weights are zero; one by one they take {plain} as before, packed by gzip {after}"
    return Diagnostic(ZEROS_SIZE, f"{said} instead of {before}", "pack the artifact (tar czf) for its way to the board")


def _size(size_bytes: int) -> str:
    return f"{size_bytes:,} bytes" if size_bytes < 100_000 else f"{size_bytes / 1e6:.3g} MB"
