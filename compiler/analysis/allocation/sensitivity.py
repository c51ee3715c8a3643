"""How much each channel group matters: how far the outputs move when half of its units are silenced, and no others.

Silenced means masked: filters and biases, scales and shifts of normalisations and what constants add are zero at a
unit's channels. Groups are taken in the order of the nodes that make them. Nodes before the first are run once for all
groups after it, so a group costs the rest of the network only.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from compiler.analysis.allocation.sections import Course
from compiler.analysis.allocation.widths import Floats
from compiler.analysis.channels import FIXED, ChannelGroup, Channels, Ids
from compiler.analysis.channels.identities import Use
from compiler.codes.plan import NOT_RUNNABLE
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import Array, ProgramView, runnable_bytes
from compiler.reference import RefusedError, Session

Values = Mapping[str, Array]

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_NORMS = ("BatchNormalization", "InstanceNormalization")
_SUMS = ("Add", "Sub", "Sum")
_BIAS = 2


def sensitivities(
    program: ProgramView,
    channels: Channels,
    groups: Sequence[ChannelGroup],
    silenced: Sequence[Ids],
    samples: Sequence[Values],
) -> Floats:
    """Measure for each group the root mean square move of the outputs, relative to each output's range.

    `silenced` names each group's units to silence. Memory: the model, and for each sample its outputs and what one
    place of the network hands on to the nodes behind it. Raises CompressError when ONNX Runtime cannot run the network.
    """
    try:
        return _measure(program, channels, groups, silenced, samples)
    except RefusedError as error:
        said = f"ONNX Runtime cannot run the network to see what its layers matter: {error}"
        raise CompressError(Diagnostic(NOT_RUNNABLE, said, "set `sensitivity_images: 0`")) from error


def _measure(
    program: ProgramView,
    channels: Channels,
    groups: Sequence[ChannelGroup],
    silenced: Sequence[Ids],
    samples: Sequence[Values],
) -> Floats:
    """Walk through the network from group to group, and run what lies behind each."""
    course, masking = Course(program), _masking(program, channels, groups)
    whole = Session(runnable_bytes(program))
    expected = [whole.run(sample) for sample in samples]
    del whole
    first = [min((course.place[use.layer] for use in uses), default=-1) for uses in masking]
    found, at, held = np.zeros(len(groups)), 0, list(samples)
    for number in sorted(range(len(groups)), key=lambda number: first[number]):
        if first[number] > at and course.can_part(first[number]):
            held, at = _advanced(course, at, first[number], held), first[number]
        rest = course.rest(at, _masked(program, channels, masking[number], silenced[number]))
        session = Session(runnable_bytes(rest))
        moves = [
            _moved(one, session.run({name: values[name] for name in rest.inputs}))
            for one, values in zip(expected, held, strict=True)
        ]
        found[number] = float(np.sqrt(np.mean(moves)))
    return _finite(found)


def _advanced(course: Course, start: int, stop: int, held: Sequence[Values]) -> list[Values]:
    """Compute what crosses a later place from what crosses an earlier one."""
    part, wanted = course.between(start, stop), course.crossing(stop)
    if not part.outputs:
        return [{name: values[name] for name in wanted} for values in held]
    session, found = Session(runnable_bytes(part)), list[Values]()
    for values in held:
        made = session.run({name: values[name] for name in part.inputs})
        found.append({name: made[name] if name in made else values[name] for name in wanted})
    return found


def _masking(program: ProgramView, channels: Channels, groups: Sequence[ChannelGroup]) -> list[list[Use]]:
    """List for each group the constants that masking sets to zero at its channels."""
    group_of = np.full(channels.labels.size + 1, FIXED)
    for number, group in enumerate(groups):
        group_of[group.units] = number
    found: list[list[Use]] = [[] for _ in groups]
    for use in channels.uses:
        if _is_masked(program.op(use.layer).op_type, use):
            for number in np.unique(group_of[channels.labels_of(use.ids)]).tolist():
                if number != FIXED:
                    found[number].append(use)
    return found


def _is_masked(op_type: str, use: Use) -> bool:
    """Tell whether a constant makes a channel what it is: filters, biases, norms' scales and shifts, what is added."""
    is_norm = op_type in _NORMS and use.slot in (1, 2)
    is_bias = op_type in _LAYERS and use.slot == _BIAS
    return use.is_filter or is_norm or is_bias or op_type in _SUMS


def _masked(
    program: ProgramView, channels: Channels, uses: Iterable[Use], silenced: Ids
) -> dict[tuple[str, int], Array]:
    """Make the constants in which silenced units are zero, by layer and input slot."""
    found: dict[tuple[str, int], Array] = {}
    for use in uses:
        value = found.get((use.layer, use.slot), program.const(program.op(use.layer).input(use.slot)))
        assert value is not None
        constant = np.moveaxis(np.array(value), use.axis, 0)
        constant[np.isin(channels.labels_of(use.ids), silenced)] = 0
        found[use.layer, use.slot] = np.moveaxis(constant, 0, use.axis)
    return found


def _moved(expected: Values, found: Values) -> float:
    """Average over all outputs how far they moved: the mean square relative to the range, squared.

    Values that are not finite to begin with say nothing; one that becomes so is an infinite move.
    """
    moves: list[float] = []
    for name, value in expected.items():
        a = value.astype(np.float64).ravel()
        b = found[name].astype(np.float64).ravel() if name in found else a
        known = np.isfinite(a)
        a, b = a[known], b[known]
        spread = float(np.ptp(a)) if a.size else 0.0
        with np.errstate(invalid="ignore", over="ignore"):
            moves.append(float(np.mean(np.square((b - a) / (spread or 1.0)))) if a.size else 0.0)
    return float(np.mean(np.nan_to_num(moves, nan=np.inf, posinf=np.inf))) if moves else 0.0


def _finite(found: Floats) -> Floats:
    """Put a large number in place of infinite ones, so that they can be weighed."""
    known = found[np.isfinite(found)]
    return np.where(np.isfinite(found), found, 1e6 * float(known.max(initial=0.0) or 1.0))
