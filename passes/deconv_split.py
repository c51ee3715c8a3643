"""Split strided transposed convolutions into small convolutions whose outputs interleave."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from compiler.analysis.deconv_phases import Deconv, read_deconv
from compiler.analysis.selectors import check_selectors, select
from compiler.analysis.what_if import alone, obstacle, predicted_ms
from compiler.contracts import Context, Decision, Effect, Log, Pass
from compiler.diagnostic import Diagnostic
from compiler.ir import ConvTranspose, Program, ProgramView, refresh_types
from compiler.rewrites.split_deconv import Form, Interleave, split_deconv
from compiler.target import Target

_WAYS: tuple[tuple[Form, Interleave], ...] = (
    ("one-per-phase", "DepthToSpace"),
    ("all-in-one", "DepthToSpace"),
    ("one-per-phase", "Reshape+Concat"),
)


class Way(Decision):
    """How a layer is split, and the times that the target's latency model predicts for it."""

    form: Form
    interleave: Interleave
    ms_before: float
    ms_after: float
    """With the copies that interleaving takes."""


class Split(Decision):
    """Which layers are split and how, and why others are not."""

    split: dict[str, Way]
    left: dict[str, str]


class DeconvSplit(Pass):
    """Split strided transposed convolutions into small convolutions whose outputs interleave.

    With stride s, padding p and dilation d, output o of a transposed convolution sums weight[t] x[i] over all taps t
    and inputs i with s i + d t = o + p. Outputs whose positions have the same remainder by s share their taps: they are
    one ordinary convolution with about 1 / s of the kernel per axis. The results interleave, by DepthToSpace where the
    target has it, else by Reshape and Concat alone: two maps seen as columns (C H W, 1) and joined side by side are
    interleaved along W, and rows joined the same way along H.

    Some runtimes compute a transposed convolution by inserting zeros and convolving, and so multiply s^2 times as much
    as there is (Arm Compute Library's OpenCL, unless the kernel equals the stride). There the split gains. Where the
    target's latency model predicts no gain a layer stays, and the report says so. Let this be the last change of
    structure: channels cannot be followed through the interleaving by a later pruning step.
    """

    effect = Effect.EXACT
    leaves: ClassVar[frozenset[str]] = frozenset({"interleaved-deconvs"})
    needs: ClassVar[frozenset[str]] = frozenset({"clean"})

    min_gain: float = Field(
        default=0.05,
        ge=-1,
        lt=1,
        description="split a layer only if its predicted time falls by more than this share; below zero: also if it "
        "grows by less, as before `ptq`",
    )
    only: tuple[str, ...] = Field(default=(), description="split these layers only: names, globs, operator types")
    skip: tuple[str, ...] = Field(default=(), description="leave these layers alone")

    def check(self, program: ProgramView, target: Target) -> Iterator[Diagnostic]:
        """Yield an error for each selector that matches nothing."""
        del target
        yield from check_selectors(program, self.only, "only")
        yield from check_selectors(program, self.skip, "skip")

    def decide(self, program: ProgramView, context: Context) -> Split:
        """Choose the fastest way for each layer that gains; shapes and the target are all it takes."""
        wanted, spared = select(program, self.only), select(program, self.skip)
        split: dict[str, Way] = {}
        left: dict[str, str] = {}
        for op in program.each(ConvTranspose):
            if (self.only and op.name not in wanted) or op.name in spared:
                left[op.name] = "the recipe's `only` and `skip` leave it alone"
                continue
            found = self._way(program, op, context.target)
            if isinstance(found, Way):
                split[op.name] = found
            else:
                left[op.name] = found
        return Split(split=split, left=left)

    def rewrite(self, program: Program, decision: Decision | None, log: Log) -> None:
        """Carry the splits out."""
        assert isinstance(decision, Split)
        for layer, why in decision.left.items():
            log.skip(layer, why)
        for op in program.each(ConvTranspose):
            way = decision.split.get(op.name)
            if way is not None:
                deconv = read_deconv(program, op)
                assert isinstance(deconv, Deconv)
                split_deconv(program, op, deconv, way.form, way.interleave)

    def _way(self, program: ProgramView, op: ConvTranspose, target: Target) -> Way | str:
        """Find the fastest way for one layer, or say why it stays."""
        deconv = read_deconv(program, op)
        if isinstance(deconv, str):
            return deconv
        if max(deconv.strides) == 1:
            return "it does not stride"
        ways, obstacles = _ways(program, op, deconv, target)
        if not ways:
            return f"{target.name} cannot run the parts: {obstacles[0]}"
        best = min(ways, key=lambda way: way.ms_after)
        if best.ms_after >= best.ms_before * (1 - self.min_gain):
            times = f"{best.ms_before:.3g} ms as it is, {best.ms_after:.3g} ms split"
            limit = f" ({self.min_gain:.0%} less is asked for)" if best.ms_after < best.ms_before else ""
            return f"{target.name} would not gain: {times}{limit}"
        return best


def _ways(program: ProgramView, op: ConvTranspose, deconv: Deconv, target: Target) -> tuple[list[Way], list[str]]:
    """Try every way on the layer alone; return those that the target can run, and what it lacks for others."""
    ways: list[Way] = []
    obstacles: list[str] = []
    before = predicted_ms(alone(program, op), target)
    for form, interleave in _WAYS:
        if not _fits(deconv, form, interleave):
            continue
        trial = alone(program, op)
        split_deconv(trial, ConvTranspose(trial.node(op.name)), deconv, form, interleave)
        refresh_types(trial)
        if (why := obstacle(trial, target)) is not None:
            obstacles.append(why)
        else:
            after = predicted_ms(trial, target)
            ways.append(Way(form=form, interleave=interleave, ms_before=before, ms_after=after))
    return ways, obstacles


def _fits(deconv: Deconv, form: Form, interleave: Interleave) -> bool:
    """Tell whether a way can express the layer: DepthToSpace wants one block size, a joint window no gaps."""
    is_square = len(deconv.strides) == 2 and len(set(deconv.strides)) == 1
    is_joint = deconv.group == 1 and all(axis.dilation == 1 for axis in deconv.axes)
    return (interleave != "DepthToSpace" or is_square) and (form != "all-in-one" or is_joint)
