"""Replace a heavy backbone by a lightweight one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from compiler.analysis.cost import cost
from compiler.analysis.stages import Cut
from compiler.analysis.what_if import obstacle
from compiler.codes.passes import BACKBONE_JOINED, BACKBONE_REFUSED, BACKBONE_TRIED, BACKBONE_UNTRAINED
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import CompressError, Diagnostic, did_you_mean
from compiler.ir import Program, ProgramView, refresh_types
from compiler.rewrites.grow import blank
from compiler.rewrites.join_backbone import (
    Join,
    blank_mixing,
    drawn_mixing,
    join_adapter,
    join_readers,
    readers_can_change,
    remove_dead,
)
from compiler.target import Target
from passes.backbones import NAMES, load_backbone
from passes.backbones.cutting import cut_off
from passes.backbones.foreign import exported, is_foreign, unseen
from passes.backbones.settling import settled
from passes.backbones.stored import with_weights
from passes.backbones.swapping import (
    Hang,
    Swapped,
    Tried,
    alone,
    features,
    fitted,
    grafted,
    grown,
    hang_text,
    stage,
    tried_text,
)
from passes.backbones.trial import distilled_accuracy, trial_faults


class BackboneSwap(Pass):
    """Replace a heavy backbone by a lightweight one.

    The old backbone is all that leads to the tensors named by `cut`; without it, to the last map of the smallest size
    that every path passes (`compress inspect --stages` shows it). What the rest of the network reads of it, is made
    from the new backbone's stage of the same size. Where channels differ, the convolutions that read it get weights for
    the new channels (`join: readers`), or a 1x1 convolution makes the old channels (`join: adapter`, and wherever a
    reader is no plain convolution). Where sizes differ, a strided depthwise convolution or a Resize is added.

    `weights` fills the new backbone from a state dictionary with the reference implementation's names (torchvision's,
    for ShuffleNet V1 the authors'), as torch or safetensors file; without it the weights are random and want training.
    `timm:NAME` is any network of the library timm that gives its stages' maps (extra `compress[timm]`), exported
    without pretrained weights at the network's input size on the machine that builds. Lint, which loads no timm, knows
    its layers only after a build.
    With calibration images, the normalisations of an untrained backbone start from the statistics of what they see, and
    adapters and readers from the least-squares fit of the old maps by the new ones.
    Operators are checked on the target before anything is built. Of several `candidates` the one with the least
    predicted time is kept; with `trial_epochs` each one is trained for so many epochs with the source network as
    teacher, and the most accurate is kept. Lint trains nothing and shows the fastest.
    """

    effect = Effect.LOSSY
    comes_before: ClassVar[Mapping[str, str]] = {
        "interleaved-deconvs": "the new backbone's readers are split best when their channels are final",
        "fp16": "a new backbone is trained in full precision",
    }
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "integers": "the new backbone would compute in floats beside what is left in integers",
    }
    undoes: ClassVar[Mapping[str, str]] = {
        "factorised": "what was factorised in the old backbone goes with it",
        "pruned": "what was pruned in the old backbone goes with it",
        "zeros": "the zeros in the old backbone go with it",
    }

    to: str | None = Field(default=None, description=f"the new backbone: {', '.join(NAMES)}, or timm:NAME")
    candidates: tuple[str, ...] = Field(default=(), description="several of them, of which the best is kept")
    trial_epochs: int = Field(
        default=0, ge=0, le=1000, description="keep the candidate most accurate after so many epochs; 0: the fastest"
    )
    width: float = Field(default=1.0, ge=0.1, le=4, description="multiplies the number of channels")
    weights: Path | None = Field(default=None, description="state dictionary for the new backbone, beside the recipe")
    cut: tuple[str, ...] = Field(default=(), description="tensors that end the old backbone; found if not named")
    end: Literal["widened", "narrow"] = Field(
        default="widened", description="whether the last stage ends behind the last 1x1 (1280 channels) or before (320)"
    )
    join: Join = Field(default="readers", description="readers: re-make the layers behind; adapter: a 1x1 in front")
    fit: Literal["images", "none"] = Field(default="images", description="start what joins the two from images, if any")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        """Insist on a backbone, or several."""
        if (self.to is None) == (not self.candidates):
            raise ValueError("give either `to` or `candidates`")
        if self.trial_epochs and len(self.candidates) < 2:
            raise ValueError("`trial_epochs` chooses among several `candidates`")
        if self.weights is not None and len(self.candidates) > 1:
            raise ValueError("`weights` belong to one backbone; name it by `to`")
        return self

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield what stands in the way of a swap: the cut first, then every candidate refused."""
        cut = cut_off(program, self.cut)
        if isinstance(cut, Diagnostic):
            yield cut
            return
        whys = {name: self._refusal(program, name, target, {}) for name in self._names()}
        if all(whys.values()):
            yield from self._refused(program, target, whys)

    def decide(self, program: ProgramView, context: Context) -> Swapped:
        """Try the candidates, keep the fastest, and fit what joins it to the rest."""
        cut = cut_off(program, self.cut)
        assert isinstance(cut, Cut)
        sources = exported(program, self._names(), context)
        hidden = tuple(name for name in self._names() if is_foreign(name) and name not in sources)
        if hidden and not context.is_stand_in:
            raise CompressError(Diagnostic(BACKBONE_REFUSED, f"there is nothing here to export {hidden[0]} with"))
        seen = [name for name in self._names() if name not in hidden]
        # A lone own backbone that the target refuses does not get past `check`.
        known = {name for name in seen if self.to is not None and not is_foreign(name)}
        whys = {name: "" if name in known else self._refusal(program, name, context.target, sources) for name in seen}
        if not hidden and all(whys.values()):
            raise CompressError(*self._refused(program, context.target, whys))
        seed = int(context.rng.integers(2**32))
        plans = {name: self._plan(program, cut, name, seed, sources.get(name)) for name in seen if not whys[name]}
        tried = {name: Tried(why_not=why) for name, why in whys.items() if why}
        # With nothing to choose from, lint sees the cost when the backbone is in place.
        is_lone = context.is_stand_in and self.to is not None
        tried |= {name: Tried() if is_lone else self._try(program, plans[name], context.target) for name in plans}
        if not plans:
            return Swapped(backbone="", width=1, seed=0, hangs={}, tried=tried, is_stand_in=True, unseen=hidden)
        made = {name: self._made(program, plans[name], context) for name in self._short_list([*plans], tried)}
        if self.trial_epochs:
            tried |= self._judged(program, made, tried, context)
        best = min(made, key=lambda name: (-(tried[name].accuracy or 0.0), tried[name].predicted_ms))
        return made[best].model_copy(update={"tried": tried, "unseen": hidden})

    def _refused(self, program: ProgramView, target: Target, whys: Mapping[str, str]) -> Iterator[Diagnostic]:
        """Say why each candidate is refused, and what the target can run."""
        others = [name for name in NAMES if name not in whys and not self._refusal(program, name, target, {})]
        advice = f"{target.name} can run {', '.join(others[:4])}" if others else "choose another width"
        for name, why in whys.items():
            near = None if name in NAMES or is_foreign(name) else did_you_mean(name, set(NAMES))
            yield Diagnostic(BACKBONE_REFUSED, f"{name}: {why}", near or advice)

    def _short_list(self, able: list[str], tried: Mapping[str, Tried]) -> list[str]:
        """Keep those that are worth making: all to be trained, else the fastest."""
        return able if self.trial_epochs else [min(able, key=lambda name: tried[name].predicted_ms)]

    def _made(self, program: ProgramView, made: Swapped, context: Context) -> Swapped:
        """Find the values of a planned swap where there are images or weights."""
        if self.weights is not None and context.tensors is not None:
            # A build asks before any work is done, too, so that a file that is missing or unfit stops it there.
            made = with_weights(program, made, self.weights, context)
        if context.is_stand_in:
            return made.model_copy(update={"is_stand_in": True})
        if self.fit == "images" and context.calibration is not None:
            made = settled(program, made, context.calibration())
            made = fitted(program, made, context.calibration())
        return made

    def _judged(
        self, program: ProgramView, made: Mapping[str, Swapped], tried: Mapping[str, Tried], context: Context
    ) -> dict[str, Tried]:
        """Train each candidate for a moment and note its accuracy; lint only asks whether that can be done."""
        faults = list(trial_faults(context.training, self.trial_epochs, is_stand_in=context.is_stand_in))
        if faults:
            raise CompressError(*faults)
        if context.is_stand_in:
            return {}
        assert isinstance(program, Program) and context.training is not None
        found: dict[str, Tried] = {}
        for name, swap in made.items():
            twin = program.clone()
            self.rewrite(twin, swap, Log())
            refresh_types(twin)
            accuracy = distilled_accuracy(twin, context.training, self.trial_epochs, swap.seed)
            found[name] = tried[name].model_copy(update={"accuracy": float(f"{accuracy:.4g}")})
        return found

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Grow the new backbone, hang the rest on it, and take the old one out."""
        assert isinstance(decision, Swapped)
        if decision.unseen:
            log.foresee(unseen(decision.unseen))
        if not decision.backbone:
            log.is_unseen = True
            return
        cut = cut_off(program, self.cut)
        assert isinstance(cut, Cut)
        grow, maps = grown(program, decision, decision.hangs)
        rng = np.random.default_rng(decision.seed + 1)
        for number, (tensor, hang) in enumerate(decision.hangs.items()):
            mixing = decision.mixings.get(tensor)
            if mixing is None:
                mixing = blank_mixing(*hang.channels) if decision.is_stand_in else drawn_mixing(*hang.channels, rng)
            inside = cut.layers
            if hang.join == "readers":
                join_readers(program, tensor, maps[tensor], mixing, inside)
            else:
                join_adapter(grow, f"adapter{number}", tensor, maps[tensor], mixing, inside)
        remove_dead(program)
        for name, candidate in decision.tried.items() if len(decision.tried) > 1 else ():
            kept = "; kept" if name == decision.backbone else ""
            log.find(Diagnostic(BACKBONE_TRIED, f"{name}: {tried_text(candidate)}{kept}"))
        for tensor, hang in decision.hangs.items():
            log.find(Diagnostic(BACKBONE_JOINED, f"{tensor} {hang_text(hang)}"))
        if self.weights is None:
            advice = "give `weights`, or train the network before you use it"
            log.find(Diagnostic(BACKBONE_UNTRAINED, f"{decision.backbone} starts from random weights", advice))

    def _names(self) -> tuple[str, ...]:
        return self.candidates or (self.to or "",)

    def _refusal(self, program: ProgramView, name: str, target: Target, sources: Mapping[str, Program]) -> str:
        """Say why a backbone cannot be used on a target, or nothing."""
        if is_foreign(name) and self.width != 1:
            return "timm's backbones have no width to choose; name one of another size"
        if is_foreign(name) and name not in sources:
            return ""
        made = grafted(sources[name]) if name in sources else "there is no such backbone"
        if name in NAMES:
            own = load_backbone(name, self.width)
            made = own if isinstance(own, str) else own.features
        if isinstance(made, str):
            return made
        trial, _, _ = alone(program, made, blank)
        return obstacle(trial, target) or ""

    def _plan(self, program: ProgramView, cut: Cut, name: str, seed: int, source: Program | None) -> Swapped:
        """Choose for each border tensor the stage it comes from, and how it is joined."""
        bare = Swapped(backbone=name, width=self.width, seed=seed, hangs={}, tried={}, source=source)
        _, grow, ends = alone(program, features(bare), blank)
        hangs: dict[str, Hang] = {}
        for tensor in cut.border:
            shape = program.shape(tensor)
            assert shape is not None
            place = stage(grow, ends, (shape[2], shape[3]), self.end)
            channels, height, width = grow.size(ends[place])
            can = self.join == "readers" and readers_can_change(program, tensor, cut.layers)
            hangs[tensor] = Hang(
                stage=place,
                join="readers" if can else "adapter",
                channels=(shape[1], channels),
                size=(shape[2], shape[3]),
                given=(height, width),
            )
        return bare.model_copy(update={"hangs": hangs})

    def _try(self, program: ProgramView, plan: Swapped, target: Target) -> Tried:
        """Cost the network with a candidate in place."""
        assert isinstance(program, Program)
        twin = program.clone()
        self.rewrite(twin, plan.model_copy(update={"is_stand_in": True}), Log())
        found = cost(twin, target.cost)
        return Tried(parameters=found.parameters, predicted_ms=found.predicted_ms)
