"""Factorise costly convolutions into two cheaper ones."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from compiler.analysis.cost import cost
from compiler.analysis.covariance import Covariance, diagonal_blocks, input_covariances
from compiler.analysis.kernel_pair import KernelPair, kernel_pair
from compiler.analysis.low_rank import Spectrum, Stack, spectrum
from compiler.analysis.selectors import check_selectors, select
from compiler.codes.passes import FIT_LACKS, FIT_LOST, KERNEL_SPLIT
from compiler.contracts import Context, Decision, Effect, Log, Offer, Pass
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Program, ProgramView
from compiler.rewrites.factorize_conv import Convolution, Part, Scheme, cores, factorize, parts, unfold, unfolded_shape
from compiler.rewrites.try_factorize import (
    blank_parts,
    convolution,
    convolutions,
    layer_ms,
    output_errors,
    trial_ms,
    unfit,
)
from compiler.target import Target
from passes.decisions.factorized import Factorized, Factors

_GUIDELINE_RANK = 64
_DEFAULT_RATIO = 0.5
_IMAGES_MEASURED = 8
_AGAINST = {"kernel": "a 1xN and an Nx1", "kernel-3x3": "two 3x3"}  # what the guideline advises against


class ConvFactorize(Pass):
    """Factorise costly convolutions into two cheaper ones.

    `channel` puts a 1x1 convolution in front, which brings the input channels down to a rank r: the kernel W, unfolded
    to a matrix of input channels by everything else, becomes A B with the r strongest singular vectors, the closest
    product there is. `groups` splits the 1x1 into blocks: cheaper, less accurate. `kernel-channel` makes a depthwise
    convolution and a 1x1 behind it, each channel's kernels again the closest ones (rank 1, or `rank` kernels a
    channel). `kernel` makes a 1xN and an Nx1; `kernel-3x3` two 3x3 of a 5x5, fitted in turn, between them the channels
    of the layer's narrower side or `rank`. Runtimes are built for kernels of fixed sizes: both come with a warning.

    The rank is given, a ratio of the full rank (0.5 if nothing is said), or what holds an `energy`, a share of the sum
    of squares. With the full rank a layer computes what it did before. `fit: outputs` weighs the input channels by
    their covariance on the calibration images, so that the outputs' error is made small, not the weights'; channels
    are taken to be distributed alike at every tap of the kernel. With `max_error` alone, the rank is the smallest one
    with an expected relative error below it; beside another choice of rank, layers beyond it stay.

    Layers are taken in the order of their predicted time on the target, costliest first, until `layers` are done or
    the network's predicted time is down to `target_ms`. A layer whose predicted time would not fall stays, and
    the report gives both times. `preset: guideline` is 64 channels before every transposed convolution.
    Lint knows no weights: by `energy` or `max_error` alone it shows the ratio 0.5.
    """

    effect = Effect.LOSSY
    needs: ClassVar[frozenset[str]] = frozenset({"clean"})
    spoilt_by: ClassVar[Mapping[str, str]] = {
        "narrow-weights": "weights that are stored in half precision stand behind a conversion",
        "interleaved-deconvs": "a transposed convolution that was split is no longer one layer to factorise",
        "integers": "weights that are stored as integers stand behind a conversion; factorise, then quantise",
    }
    comes_before: ClassVar[Mapping[str, str]] = {
        "fp16": "the guideline factorises (G2) in full precision, and narrows (G4) what is left",
        "pruned": "factorising (G2) comes before pruning: pruned layers leave less to factorise",
    }
    undoes: ClassVar[Mapping[str, str]] = {"zeros": "the factors of a layer with zeros have none"}
    leaves: ClassVar[frozenset[str]] = frozenset({"factorised"})

    scheme: Scheme = Field(default="channel", description="channel, kernel-channel, kernel (1xN, Nx1) or kernel-3x3")
    preset: Literal["guideline"] | None = Field(
        default=None, description="guideline: 64 channels before every transposed convolution"
    )
    rank: int | None = Field(
        default=None, ge=1, description="channels between the two; with kernel-channel kernels a channel"
    )
    ratio: float | None = Field(default=None, gt=0, le=1, description="the rank as a share of the full one")
    energy: float | None = Field(default=None, gt=0, le=1, description="the rank that holds this share of the squares")
    max_error: float | None = Field(default=None, gt=0, lt=1, description="largest relative error of a layer's output")
    groups: int = Field(default=1, ge=1, description="with channel: blocks of the 1x1 convolution")
    fit: Literal["weights", "outputs"] = Field(
        default="weights", description="outputs: fit to what the layer sees on calibration images"
    )
    layers: int | None = Field(default=None, ge=1, description="factorise at most so many layers, costliest first")
    target_ms: float | None = Field(default=None, gt=0, description="stop once the network's predicted time is this")
    min_gain: float = Field(
        default=0.05, ge=0, lt=1, description="factorise a layer only if its time falls by more than this share"
    )
    only: tuple[str, ...] = Field(default=(), description="factorise these layers only: names, globs, operator types")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers alone")

    @model_validator(mode="after")
    def _is_one_choice(self) -> Self:
        """Insist on one way of choosing the rank, and on options that belong together."""
        given = [name for name in ("preset", "rank", "ratio", "energy") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} both choose the rank; give one of them")
        if self.scheme != "channel" and (self.preset or self.groups > 1 or self.fit == "outputs"):
            raise ValueError(f"preset, groups and fit: outputs belong to the scheme channel, not to {self.scheme}")
        if self.scheme == "kernel-3x3" and self.energy is not None:
            raise ValueError("two 3x3 kernels have no singular values to count an energy of; give rank or ratio")
        return self

    def wants(self, offer: Offer) -> Iterator[Diagnostic]:
        """Want calibration images to fit the outputs on."""
        if self.fit == "outputs" and not offer.calibration:
            yield _no_images()

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield an error for each selector that matches nothing."""
        del target
        yield from check_selectors(program, self.only, "only")
        yield from check_selectors(program, self.skip, "skip")

    def decide(self, program: ProgramView, context: Context) -> Factorized:
        """Choose layers and ranks, costliest layer first; without data the ranks that need no weights."""
        left: dict[str, str] = {}
        candidates = list(self._candidates(program, left))
        before = layer_ms(program, candidates, context.target)
        candidates.sort(key=lambda op: -before[op.name])
        seen = self._covariances(program, candidates, context)
        total = cost(program, context.target.cost).predicted_ms
        factored: dict[str, Factors] = {}
        weights: dict[str, tuple[Stack, Stack]] = {}
        for op in candidates:
            if (why := self._enough(len(factored), total)) is not None:
                left[op.name] = why
                continue
            strong = None if context.is_stand_in else self._spectrum(program, op, seen.get(op.x))
            found = self._factors(program, op, strong, before[op.name], context.target)
            if isinstance(found, str):
                left[op.name] = found
                continue
            total -= found.ms_before - found.ms_after
            factored[op.name] = found
            if strong is not None:
                weights[op.name] = strong.factors(found.rank)
        made = Factorized(factored=factored, left=left, is_stand_in=context.is_stand_in, weights=weights)
        return self._with_errors(program, made, context)

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Put the factors in place."""
        assert isinstance(decision, Factorized)
        for layer, why in decision.left.items():
            log.skip(layer, why)
        for layer in decision.factored:
            op = convolution(program, program.op(layer))
            factorize(program, op, *self._parts(program, op, decision))
        if self.scheme in _AGAINST and decision.factored:
            said = f"convolutions split into {_AGAINST[self.scheme]}: {len(decision.factored)}"
            log.find(Diagnostic(KERNEL_SPLIT, said, "measure on the board, or use the scheme channel"))

    def _candidates(self, program: ProgramView, left: dict[str, str]) -> Iterator[Convolution]:
        """Yield the layers that the recipe and the scheme allow; note why others stay."""
        wanted, spared = select(program, self.only), select(program, self.skip)
        for op in convolutions(program):
            if (self.only and op.name not in wanted) or op.name in spared:
                left[op.name] = "the recipe's `only` and `skip` leave it alone"
            elif self.preset is not None and op.op_type == "Conv":
                left[op.name] = "the guideline's preset is about transposed convolutions"
            elif (why := unfit(program, op, self.scheme, self.groups)) is not None:
                left[op.name] = why
            else:
                yield op

    def _covariances(
        self, program: ProgramView, candidates: list[Convolution], context: Context
    ) -> dict[str, Covariance]:
        """Look at the calibration images, if the fit asks for it. Raises CompressError without any."""
        if self.fit == "weights" or context.is_stand_in or not candidates:
            return {}
        if context.calibration is None:
            raise CompressError(_no_images())
        return input_covariances(program, [op.x for op in candidates], context.calibration())

    def _spectrum(self, program: ProgramView, op: Convolution, covariance: Covariance | None) -> Spectrum | KernelPair:
        weight = program.const(op.w)
        assert weight is not None
        if self.scheme == "kernel-3x3":
            blocks, rows, columns = unfolded_shape(op, weight.shape, self.scheme)
            return kernel_pair(cores(op, weight), self._rank(blocks, min(rows, columns), None))
        matrices = unfold(op, weight, self.scheme, self.groups)
        return spectrum(matrices, None if covariance is None else diagonal_blocks(covariance, len(matrices)))

    def _enough(self, done: int, total_ms: float) -> str | None:
        """Say why no further layer is needed, or None."""
        if self.layers is not None and done >= self.layers:
            return f"`layers` asks for {done}, and costlier ones are factorised already"
        if self.target_ms is not None and total_ms <= self.target_ms:
            return f"the network's predicted {total_ms:.3g} ms meet the target of {self.target_ms:g} already"
        return None

    def _factors(
        self, program: ProgramView, op: Convolution, strong: Spectrum | KernelPair | None, before: float, target: Target
    ) -> Factors | str:
        """Choose the rank of one layer, or say why it stays."""
        shape = program.shape(op.w)
        assert shape is not None
        blocks, rows, columns = unfolded_shape(op, shape, self.scheme, self.groups)
        full = min(rows, columns)
        rank = self._rank(blocks, full, strong)
        if rank >= full and self._fixed_rank() is not None:
            return f"its full rank of {full * blocks} is no more than the {self._fixed_rank()} asked for"
        error = None if strong is None else strong.error(rank)
        if self.max_error is not None and error is not None and error > self.max_error:
            return f"rank {rank * blocks} leaves an expected error of {error:.3g}, more than {self.max_error:g}"
        after = trial_ms(program, op, self.scheme, (self.groups, rank), target)
        if isinstance(after, str):
            return f"{target.name} cannot run the parts: {after}"
        if after >= before * (1 - self.min_gain):
            times = f"{before:.3g} ms as it is, {after:.3g} ms with rank {rank * blocks} of {full * blocks}"
            return f"{target.name} would not gain: {times}"
        return Factors(
            rank=rank, full_rank=full, blocks=blocks, expected_error=_rounded(error), ms_before=before, ms_after=after
        )

    def _fixed_rank(self) -> int | None:
        return _GUIDELINE_RANK if self.preset is not None else self.rank

    def _rank(self, blocks: int, full: int, strong: Spectrum | KernelPair | None) -> int:
        """Choose a block's rank from what the recipe says, and from the weights where that is asked."""
        rank, energy = self._fixed_rank(), self.energy
        if rank is not None:
            return min(full, rank if self.scheme == "kernel-channel" else -(-rank // blocks))
        if energy is None and self.ratio is None and self.max_error is not None:
            energy = 1 - self.max_error**2
        if energy is not None and isinstance(strong, Spectrum):
            return min(full, strong.rank_for(energy))
        if self.ratio is None and self.scheme in ("kernel-channel", "kernel-3x3"):
            return 1 if self.scheme == "kernel-channel" else full // 9
        return max(1, int(full * (self.ratio or _DEFAULT_RATIO)))

    def _parts(self, program: ProgramView, op: Convolution, decision: Factorized) -> tuple[Part, Part]:
        """Make the two convolutions, with the decision's factors or with factors computed anew from the weights."""
        chosen, weight = decision.factored[op.name], program.const(op.w)
        assert weight is not None
        if decision.is_stand_in:
            return blank_parts(program, op, self.scheme, self.groups, chosen.rank)
        if op.name not in decision.weights and chosen.digest is not None:
            said = f"{op.name} was fitted to images, and its weights are not in the decision"
            raise CompressError(Diagnostic(FIT_LOST, said, "let the pass decide again, with the calibration images"))
        factors = decision.weights.get(op.name) or self._spectrum(program, op, None).factors(chosen.rank)
        return parts(op, weight, self.scheme, factors)

    def _with_errors(self, program: ProgramView, made: Factorized, context: Context) -> Factorized:
        """Add digests of fitted weights, and each layer's output error on a few calibration images."""
        if context.is_stand_in:
            return made
        replaced = {name: self._parts(program, convolution(program, program.op(name)), made) for name in made.factored}
        errors: dict[str, float] = {}
        if context.calibration is not None and replaced:
            errors = output_errors(program, replaced, islice(context.calibration(), _IMAGES_MEASURED))
        factored = {
            name: chosen.model_copy(
                update={
                    "output_error": _rounded(errors.get(name)),
                    "digest": _digest(replaced[name]) if self.fit == "outputs" else None,
                }
            )
            for name, chosen in made.factored.items()
        }
        return made.model_copy(update={"factored": factored})


def _digest(both: tuple[Part, Part]) -> str:
    """Hash the weights of both convolutions."""
    return hashlib.sha256(b"".join(part.weight.tobytes() for part in both)).hexdigest()[:16]


def _no_images() -> Diagnostic:
    advice = "add `calibration: {images: FOLDER}` under `data`, or leave out `fit`"
    return Diagnostic(FIT_LACKS, "fit: outputs needs calibration images", advice)


def _rounded(error: float | None) -> float | None:
    """Keep four digits: the rest depends on the order in which a machine adds up."""
    return None if error is None else float(f"{error:.4g}")
